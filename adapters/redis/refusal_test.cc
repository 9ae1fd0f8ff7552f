// What a real server refuses, and what becomes of it.
#include <catch2/catch.hpp>
#include <thread>

#include "adapters/redis/server_fixture.h"
#include "adapters/redis/store_fixture.h"

namespace dr {
namespace {

using test::Cli;
using test::Fixture;
using test::OwnServer;

TEST_CASE(
    "D14: While a server loads its data a store is neither empty nor lost, and then it goes on") {
  // It looks at its clients after every key, and needs a while for each.
  OwnServer own({"--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024",
                 "--aof-use-rdb-preamble", "yes"});
  Fixture at(own.Uri());
  auto store = *at.Open();
  const std::string value(2000, 'v');
  for (int i = 0; i < 40; ++i) REQUIRE(store->Put(fmt::format("{}", i), value, {}, {}).ok());
  REQUIRE_FALSE(Cli(own.Uri(), {"BGREWRITEAOF"}).failed());
  while (Cli(own.Uri(), {"INFO", "persistence"}).text.find("aof_rewrite_in_progress:0") ==
         std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  own.Kill();
  own.Spawn();
  bool loading = false;
  absl::StatusOr<Item> item = store->Get("39", {});
  for (int tries = 0; !item.ok() && tries < 2000; ++tries) {
    INFO(item.status().ToString());
    REQUIRE(absl::IsUnavailable(item.status()));
    loading |= item.status().ToString().find("LOADING") != std::string::npos;
    CHECK((!loading || absl::IsUnavailable(store->Put("0", "x", {}, {}).status()) ||
           store->Check({}).ok()));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    item = store->Get("39", {});
  }
  CHECK(loading);
  REQUIRE(item.ok());
  CHECK(item->value == value);
}

TEST_CASE("D14: A server that cannot write to its disk refuses writes, typed, and is read") {
  const OwnServer own;
  Fixture at(own.Uri());
  auto store = *at.Open();
  REQUIRE(store->Put("old", "1", {}, {}).ok());
  REQUIRE(Cli(own.Uri(), {"CONFIG", "SET", "save", "3600 1"}).text == "OK");
  own.LoseDirectory();
  REQUIRE_FALSE(Cli(own.Uri(), {"BGSAVE"}).failed());
  while (Cli(own.Uri(), {"INFO", "persistence"}).text.find("rdb_last_bgsave_status:err") ==
         std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const absl::Status status = store->Put("new", "1", {}, {}).status();
  INFO(status.ToString());
  CHECK(absl::IsUnavailable(status));
  CHECK(status.ToString().find("MISCONF") != std::string::npos);
  CHECK(absl::IsUnavailable(store->Delete("old", {}, {})));
  CHECK(absl::IsNotFound(store->Get("new", {}).status()));
  CHECK(store->Get("old", {})->value == "1");
  CHECK(absl::IsUnavailable(at.Open().status()));
}

TEST_CASE("D13: A master that becomes a replica refuses writes, and is used again as a master") {
  const OwnServer own;
  Fixture at(own.Uri());
  auto store = *at.Open();
  REQUIRE(store->Put("a", "1", {}, {}).ok());
  REQUIRE(Cli(own.Uri(), {"REPLICAOF", "127.0.0.1", "1"}).text == "OK");
  const absl::Status status = store->Put("a", "2", {}, {}).status();
  INFO(status.ToString());
  CHECK(absl::IsUnavailable(status));
  CHECK(status.ToString().find("READONLY") != std::string::npos);
  CHECK(absl::IsUnavailable(store->Check({})));
  REQUIRE(Cli(own.Uri(), {"REPLICAOF", "NO", "ONE"}).text == "OK");
  CHECK(store->Get("a", {})->value == "1");
  CHECK(store->Put("a", "2", {}, {}).ok());
}

TEST_CASE("D14: A counter of another type or out of range is damage, and nothing is written") {
  const OwnServer own;
  Fixture at(own.Uri());
  auto store = *at.Open();
  REQUIRE(store->Put("a", "1", {}, {}).ok());
  const std::string counter = Cli(own.Uri(), {"KEYS", "*:w:*"}).elements.at(0).text;
  REQUIRE(Cli(own.Uri(), {"SET", counter, "many"}).text == "OK");
  CHECK_FALSE(store->Put("a", "2", {}, {}).ok());
  CHECK(absl::IsDataLoss(store->Check({})));
  REQUIRE(Cli(own.Uri(), {"DEL", counter}).integer == 1);
  REQUIRE(Cli(own.Uri(), {"LPUSH", counter, "x"}).integer == 1);
  CHECK(absl::IsDataLoss(store->Put("a", "2", {}, {}).status()));
  CHECK((*at.Open())->Get("a", {})->value == "1");
}

}  // namespace
}  // namespace dr
