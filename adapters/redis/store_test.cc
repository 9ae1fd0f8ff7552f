#include <catch2/catch.hpp>
#include <cstdio>
#include <string>
#include <thread>

#include "adapters/redis/server_fixture.h"
#include "adapters/redis/store_fixture.h"
#include "dr/adapters/redis.h"
#include "dr/status.h"
#include "dr/testing/adapter_cases.h"

namespace dr {
namespace {

using test::Cli;
using test::Fixture;
using test::Server;

void PassesEveryCase(StateAdapter& store) {
  int ran = 0;
  for (const AdapterCase& check : AdapterCases()) {
    if (!check.applies(store.capabilities())) continue;
    INFO(check.name);
    AdapterUnderTest tested(store);
    tested.model_calls = 1'000;  // the conformance tests run it at length
    const absl::Status status = check.run(tested, "case/" + std::to_string(ran++) + "/");
    INFO(status.ToString());
    CHECK(status.ok());
  }
  CHECK(ran > 15);
}

TEST_CASE("A Redis that keeps its promises is called durable and fence-safe") {
  Fixture at(Server("DR_TEST_REDIS"));
  auto store = at.Open();
  INFO(store.status().ToString());
  REQUIRE(store.ok());
  CHECK((*store)->capabilities().durable);
  CHECK((*store)->capabilities().fence_safe);
}

std::string TlsOptions() {
  const std::string files = Server("DR_TEST_REDIS_TLS_FILES");
  return fmt::format("?ca={0}/ca.pem&cert={0}/client.pem&key={0}/client.key", files);
}

TEST_CASE("A Redis behind TLS passes every case", "[conformance]") {
  Fixture at(Server("DR_TEST_REDIS_TLS") + TlsOptions());
  auto store = at.Open();
  INFO(store.status().ToString());
  REQUIRE(store.ok());
  CHECK((*store)->capabilities().fence_safe);
  PassesEveryCase(**store);
}

TEST_CASE("The longest value goes through TLS and back") {
  Fixture at(Server("DR_TEST_REDIS_TLS") + TlsOptions());
  auto store = *at.Open();
  std::string value(store->capabilities().max_value_bytes, 'v');
  for (std::size_t i = 0; i < value.size(); i += 4096) value[i] = static_cast<char>(i >> 12);
  REQUIRE(store->Put("longest", value, {}, {}).ok());
  auto item = store->Get("longest", {});
  REQUIRE(item.ok());
  CHECK((item->value == value));
  CHECK(store->Delete("longest", {}, {}).ok());
}

TEST_CASE("A server that does not prove who it is gets no byte of a request") {
  const std::string files = Server("DR_TEST_REDIS_TLS_FILES");
  const std::string uri = Server("DR_TEST_REDIS_TLS");
  const std::string port = uri.substr(uri.rfind(':'), uri.rfind('/') - uri.rfind(':'));
  const std::string own = fmt::format("cert={0}/client.pem&key={0}/client.key", files);
  const std::string rows[] = {
      "rediss://localhost" + port + "?" + own,                              // an unknown authority
      "rediss://127.0.0.1" + port + "?ca=" + files + "/ca.pem&" + own,      // another name
      "rediss://localhost" + port + "?ca=" + files + "/client.pem&" + own,  // no authority
  };
  for (const std::string& row : rows) {
    const absl::Status status = Fixture(row).Open().status();
    INFO(row << ": " << status.ToString());
    CHECK(absl::IsUnauthenticated(status));
  }
  // The server wants a certificate of the client too, and hangs up.
  CHECK_FALSE(Fixture("rediss://localhost" + port + "?ca=" + files + "/ca.pem").Open().ok());
  // Plain text where TLS is spoken, and the other way round.
  CHECK_FALSE(Fixture("redis://localhost" + port + "?timeout_ms=300").Open().ok());
  const std::string plain = Server("DR_TEST_REDIS");
  CHECK_FALSE(Fixture("rediss" + plain.substr(5) + "?timeout_ms=300").Open().ok());
}

TEST_CASE("redis-cli reads what was put") {
  const test::OwnServer own;
  Fixture at(own.Uri());
  auto store = at.Open();
  REQUIRE(store.ok());
  std::string value;
  for (int i = 0; i < 256; ++i) value += static_cast<char>(i);
  REQUIRE((*store)->Put("runs/1", value, {}, {}).ok());
  const std::string name = at.uri.substr(at.uri.find('=') + 1);
  const auto ask = [&](const std::string& command) {
    FILE* pipe = popen(fmt::format("redis-cli -p {} --raw {}", own.port(), command).c_str(), "r");
    std::string out;
    for (int c = 0; (c = fgetc(pipe)) != EOF;) out += static_cast<char>(c);
    CHECK(pclose(pipe) == 0);
    return out;
  };
  CHECK(ask(fmt::format("ZRANGEBYLEX '{{{}}}:keys' - +", name)) == "runs/1\n");
  CHECK(ask(fmt::format("GETRANGE '{{{}}}:v:runs/1' 0 -25", name)) == value + "\n");
}

TEST_CASE("More keys than one script deletes are deleted") {
  const test::OwnServer own;
  Fixture at(own.Uri());
  auto store = at.Open();
  REQUIRE(store.ok());
  std::vector<std::string> keys;
  for (int i = 0; i <= 10'000; ++i) keys.push_back(fmt::format("many/{}", i));
  std::vector<KeyValue> items;
  for (const std::string& key : keys) items.push_back({key, ""});
  items.push_back({"one", "stays"});
  REQUIRE((*store)->PutMany(items, {}).ok());
  CHECK((*store)->DeleteMany(keys, {}).ok());
  const auto left = (*store)->List("", "", {});
  REQUIRE(left.ok());
  REQUIRE(left->entries.size() == 1);
  CHECK(left->entries[0].key == "one");
}

TEST_CASE("D14: What has expired is gone, and leaves the index when it is listed") {
  Fixture at(Server("DR_TEST_REDIS"));
  auto store = *at.Open();
  REQUIRE(store->Put("brief", "x", {.ttl = absl::Milliseconds(1)}, {}).ok());
  REQUIRE(store->Put("long", "x", {.ttl = absl::InfiniteDuration()}, {}).ok());
  while (!absl::IsNotFound(store->Get("brief", {}).status())) std::this_thread::yield();
  const std::string index = "{" + at.uri.substr(at.uri.find("test-")) + "}:keys";
  CHECK(Cli(at.uri, {"ZCARD", index}).integer == 2);
  auto page = store->List("", "", {});
  REQUIRE(page.ok());
  CHECK(page->entries.size() == 1);
  CHECK(page->entries[0].key == "long");
  CHECK(Cli(at.uri, {"ZCARD", index}).integer == 1);
  CHECK(store->Put("brief", "y", {.condition = PutCondition::kIfAbsent}, {}).ok());
}

TEST_CASE("D14: A key of another type is damage, not a missing value, and a batch leaves no part") {
  Fixture at(Server("DR_TEST_REDIS"));
  auto store = *at.Open();
  const std::string tag = "{" + at.uri.substr(at.uri.find("test-")) + "}";
  REQUIRE(Cli(at.uri, {"LPUSH", tag + ":v:list", "x"}).integer == 1);
  CHECK(absl::IsDataLoss(store->Get("list", {}).status()));
  REQUIRE(Cli(at.uri, {"SET", tag + ":v:text", "of somebody else"}).text == "OK");
  CHECK(absl::IsDataLoss(store->Get("text", {}).status()));

  REQUIRE(Cli(at.uri, {"SET", tag + ":keys", "no index"}).text == "OK");
  const KeyValue batch[] = {{"a", "1"}, {"b", "2"}};
  CHECK(absl::IsDataLoss(store->PutMany(batch, {})));
  CHECK(absl::IsDataLoss(store->Put("a", "1", {}, {}).status()));
  CHECK(absl::IsNotFound(store->Get("a", {}).status()));
}

TEST_CASE("Scripts that the server has forgotten are sent again") {
  const test::OwnServer own;
  Fixture at(own.Uri());
  auto store = *at.Open();
  REQUIRE(store->Put("a", "1", {}, {}).ok());
  REQUIRE(Cli(at.uri, {"SCRIPT", "FLUSH"}).text == "OK");
  CHECK(store->Put("a", "2", {}, {}).ok());
  CHECK(store->Delete("a", {}, {}).ok());
}

TEST_CASE("A URI with what Redis does not have is refused, and shows no password") {
  Fixture at("redis://127.0.0.1:1/0");
  for (const char* uri : {"redis:///0",
                          "redis://h/x",
                          "redis://h/0/1",
                          "redis://h/-1",
                          "redis://agent@h/0",
                          "redis://h/0?tls=on",
                          "redis://h/0?namespace=",
                          "redis://h/0?namespace=a%7Bb",
                          "redis://h/0?timeout_ms=0",
                          "redis://h/0?timeout_ms=1s",
                          "redis://h/0?ca=/x",
                          "rediss://h/0?cert=/x",
                          "rediss://h/0?ca=/nowhere",
                          "redis://u:c4n4ry@h/x",
                          "redis://h/0?seeds=a:1",
                          "redis+cluster://h/1",
                          "redis+cluster://h?seeds=a",
                          "redis+cluster://h?seeds=u:c4n4ry@a:1",
                          "redis+sentinel://h",
                          "redis+sentinel://h/s/x",
                          "redis+sentinel://h/s/0/1",
                          "rediss+cluster://h?ca=/nowhere"}) {
    const absl::Status status = at.registry.Open(uri, at.environment).status();
    INFO(uri << ": " << status.ToString());
    CHECK(absl::IsInvalidArgument(status));
    CHECK(status.ToString().find("c4n4ry") == std::string::npos);
  }
}

TEST_CASE("Nobody listens: every call ends, and says so") {
  Fixture at("redis://127.0.0.1:1/0");
  CHECK(absl::IsUnavailable(at.Open().status()));
}

TEST_CASE("A login that is refused is no passing trouble, and shows no password") {
  const std::string server = Server("DR_TEST_REDIS");
  Fixture at("redis://nobody:c4n4ry" + server.substr(server.rfind('@')));
  const absl::Status status = at.Open().status();
  INFO(status.ToString());
  CHECK(absl::IsUnauthenticated(status));
  CHECK(status.ToString().find("c4n4ry") == std::string::npos);
}

// A setting of the server while this lives.
class Setting {
 public:
  Setting(std::string server, std::string name, std::string_view value)
      : server_(std::move(server)), name_(std::move(name)) {
    before_ = Cli(server_, {"CONFIG", "GET", name_}).elements.at(1).text;
    REQUIRE(Cli(server_, {"CONFIG", "SET", name_, value}).text == "OK");
  }
  ~Setting() { CHECK(Cli(server_, {"CONFIG", "SET", name_, before_}).text == "OK"); }

 private:
  std::string server_, name_, before_;
};

TEST_CASE("D14: A server that may lose what it acknowledged is not called durable, and says why") {
  const test::OwnServer own;
  const std::string server = own.Uri();
  Fixture at(server);
  auto promised = *at.Open();
  CHECK(promised->capabilities().weaknesses.empty());
  {
    const Setting sync(server, "appendfsync", "everysec");
    auto store = *at.Open();
    CHECK_FALSE(store->capabilities().durable);
    CHECK_FALSE(store->capabilities().fence_safe);
    CHECK(store->Check({}).ok());
    REQUIRE(store->capabilities().weaknesses.size() == 1);
    CHECK(store->capabilities().weaknesses[0].find("everysec") != std::string::npos);
    // The one that was opened before notices that the promise is gone.
    CHECK(absl::IsFailedPrecondition(promised->Check({})));
  }
  {
    const Setting memory(server, "maxmemory", "1gb");
    const Setting eviction(server, "maxmemory-policy", "allkeys-lru");
    CHECK_FALSE((*at.Open())->capabilities().durable);
  }
  {
    const Setting rewrite(server, "no-appendfsync-on-rewrite", "yes");
    CHECK_FALSE((*at.Open())->capabilities().durable);
  }
  CHECK(promised->Check({}).ok());
}

TEST_CASE("D13: A full server refuses what is new, typed, and keeps what it has") {
  const test::OwnServer own;
  const std::string server = own.Uri();
  Fixture at(server);
  auto store = *at.Open();
  REQUIRE(store->Put("old", "1", {}, {}).ok());
  const Setting memory(server, "maxmemory", "1");
  CHECK(absl::IsResourceExhausted(store->Put("new", "1", {}, {}).status()));
  const KeyValue batch[] = {{"a", "1"}, {"b", "2"}};
  CHECK(absl::IsResourceExhausted(store->PutMany(batch, {})));
  CHECK(absl::IsNotFound(store->Get("a", {}).status()));
  CHECK(store->Get("old", {})->value == "1");
  CHECK(store->Delete("old", {}, {}).ok());
}

TEST_CASE("Who may not ask for settings gets a store that promises nothing") {
  const test::OwnServer own;
  const std::string server = own.Uri();
  REQUIRE(
      Cli(server, {"ACL", "SETUSER", "plain", "reset", "on", ">c4n4ry", "~*", "+@all", "-config"})
          .text == "OK");
  const std::size_t host = server.find("//") + 2;
  Fixture at(server.substr(0, host) + "plain:c4n4ry@" + server.substr(host));
  auto store = at.Open();
  REQUIRE(store.ok());
  CHECK_FALSE((*store)->capabilities().durable);
  CHECK((*store)->capabilities().weaknesses.size() >= 3);
  CHECK((*store)->Put("a", "1", {}, {}).ok());
  REQUIRE(Cli(server, {"ACL", "SETUSER", "plain", "-evalsha", "-eval"}).text == "OK");
  CHECK(absl::IsUnauthenticated((*store)->Put("a", "2", {}, {}).status()));
  REQUIRE(Cli(server, {"ACL", "DELUSER", "plain"}).integer == 1);
}

}  // namespace
}  // namespace dr
