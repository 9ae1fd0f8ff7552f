#include <catch2/catch.hpp>
#include <thread>

#include "adapters/redis/server_fixture.h"
#include "adapters/redis/store_fixture.h"
#include "tests/support/fault_proxy.h"

namespace dr {
namespace {

using test::Fixture;

TEST_CASE("D13: What was acknowledged survives a kill of the server, and the store goes on") {
  test::OwnServer own;
  Fixture at(own.Uri());
  auto store = *at.Open();
  for (int round = 0; round < 5; ++round) {
    const std::string key = fmt::format("{}", round);
    const KeyValue batch[] = {{"batch", key}, {"again", key}};
    REQUIRE(store->Put(key, key, {.condition = PutCondition::kIfAbsent}, {}).ok());
    REQUIRE(store->PutMany(batch, {}).ok());
    own.Kill();
    CHECK(absl::IsUnavailable(store->Get(key, {}).status()));
    CHECK(absl::IsUnavailable(store->Put("x", "x", {}, {}).status()));
    own.Start();
    // The connections of before are dead; nobody sees that.
    CHECK(store->Get(key, {})->value == key);
    CHECK(store->Get("batch", {})->value == key);
    CHECK(store->Get("again", {})->value == key);
  }
  CHECK(absl::IsNotFound(store->Get("x", {}).status()));
}

TEST_CASE("A connection that died while idle is replaced before anything is sent on it") {
  test::OwnServer own;
  Fixture at(own.Uri());
  auto store = *at.Open();
  REQUIRE(store->Put("a", "1", {}, {}).ok());
  own.Kill();
  own.Start();
  CHECK(store->Put("a", "2", {}, {}).ok());
}

TEST_CASE("A server that hangs keeps nobody: a write may have happened, and then it has") {
  test::OwnServer own;
  Fixture at(own.Uri() + "?timeout_ms=100");
  auto store = *at.Open();
  REQUIRE(store->Put("before", "1", {}, {}).ok());
  own.Signal(SIGSTOP);
  CHECK(absl::IsUnknown(store->Put("a", "1", {.condition = PutCondition::kIfAbsent}, {}).status()));
  CHECK(absl::IsUnavailable(store->Get("a", {}).status()));
  CHECK(absl::IsUnavailable(store->List("", "", {}).status()));
  own.Signal(SIGCONT);
  // It lands late, but before what is asked afterwards on a connection made later.
  absl::StatusOr<Item> item = store->Get("a", {});
  for (int tries = 0; !item.ok() && tries < 500; ++tries) item = store->Get("a", {});
  REQUIRE(item.ok());
  CHECK(item->value == "1");
}

TEST_CASE("A deadline and a stop request end a call that waits for the server") {
  test::OwnServer own;
  Fixture at(own.Uri());
  auto store = *at.Open();
  REQUIRE(store->Put("before", "1", {}, {}).ok());
  own.Signal(SIGSTOP);
  const Context brief{.deadline = at.clock.Now() + std::chrono::milliseconds(50)};
  CHECK(absl::IsUnknown(store->Put("a", "1", {}, brief).status()));
  // No connection can be made any more on which a write would be sent.
  const Context later{.deadline = at.clock.Now() + std::chrono::milliseconds(50)};
  CHECK(absl::IsDeadlineExceeded(store->Put("a", "2", {}, later).status()));
  const Context soon{.deadline = at.clock.Now() + std::chrono::milliseconds(50)};
  CHECK(absl::IsDeadlineExceeded(store->Get("before", soon).status()));
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    source.request_stop();
  });
  CHECK(absl::IsCancelled(store->Get("before", {.stop = source.get_token()}).status()));
  own.Signal(SIGCONT);
  CHECK(store->Check({}).ok());
  CHECK(store->Get("a", {})->value == "1");
}

TEST_CASE("D15: A write whose reply is cut at any byte may have happened, and a read has failed") {
  const test::OwnServer own;
  test::FaultProxy proxy(own.port());
  Fixture at(proxy.Through(own.Uri()));
  auto store = *at.Open();
  REQUIRE(store->Put("warm", "1", {}, {}).ok());
  REQUIRE(store->Delete("warm", {}, {}).ok());
  const std::string_view shortest = ":2\r\n";
  for (std::size_t cut = 0; cut < shortest.size(); ++cut) {
    INFO(cut);
    const std::string key = fmt::format("{:02}", cut);
    proxy.CutReplyAfter(static_cast<long>(cut));
    const PutOptions create{.condition = PutCondition::kIfAbsent};
    CHECK(absl::IsUnknown(store->Put(key, key, create, {}).status()));
    REQUIRE(proxy.has_cut());
    auto item = store->Get(key, {});
    REQUIRE(item.ok());
    CHECK(item->value == key);
    proxy.CutReplyAfter(static_cast<long>(cut));
    CHECK(absl::IsUnavailable(store->Get(key, {}).status()));
    proxy.CutReplyAfter(static_cast<long>(cut));
    CHECK(absl::IsUnavailable(store->List("", "", {}).status()));
    REQUIRE(store->Get(key, {}).ok());
    proxy.CutReplyAfter(static_cast<long>(cut));
    CHECK(absl::IsUnknown(store->Delete(key, {.if_version = item->version}, {})));
    CHECK(absl::IsNotFound(store->Get(key, {}).status()));
  }
}

TEST_CASE("D15: A request that is cut at any byte has no effect, and a batch has all or none") {
  const test::OwnServer own;
  test::FaultProxy proxy(own.port());
  Fixture at(proxy.Through(own.Uri()));
  auto store = *at.Open();
  const KeyValue batch[] = {{"a", "1"}, {"b", "2"}};
  REQUIRE(store->PutMany(batch, {}).ok());
  REQUIRE((store->Delete("a", {}, {}).ok() && store->Delete("b", {}, {}).ok()));
  const std::string_view keys[] = {"a", "b"};
  long cut = 0;
  absl::Status status;
  do {
    INFO(cut);
    proxy.CutRequestAfter(cut++);
    status = store->PutMany(batch, {});
    CHECK((absl::IsUnknown(status) || !proxy.has_cut()));
    proxy.CutNoMore();
    const auto found = store->GetMany(keys, {});
    CHECK(found[0].status().code() == found[1].status().code());
    // Only the last byte completes the request.
    CHECK((!found[0].ok() || cut > 200));
  } while (!status.ok());
  CHECK(store->Get("b", {})->value == "2");
}

}  // namespace
}  // namespace dr
