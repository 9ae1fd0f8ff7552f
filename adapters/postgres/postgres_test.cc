#include "dr/adapters/postgres.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>
#include <string>

#include "adapters/postgres/test_servers.h"
#include "dr/status.h"
#include "dr/testing/adapter_cases.h"
#include "fmt/format.h"

namespace dr {
namespace {

using namespace postgres_test;

void PassAll(StateAdapter& store) {
  int ran = 0;
  for (const AdapterCase& check : AdapterCases()) {
    if (!check.applies(store.capabilities())) continue;
    INFO(check.name);
    const absl::Status status = check.run(store, "case/" + std::to_string(ran++) + "/");
    INFO(status.ToString());
    CHECK(status.ok());
  }
  CHECK(ran > 15);
}

TEST_CASE("A table of Postgres passes every case", "[conformance]") {
  Machine machine;
  PassAll(*machine.Open(Calm("namespace=suite" + machine.Once())));
}

TEST_CASE("Names that attack are only names") {
  Machine machine;
  const std::string once = machine.Once();
  const std::string schema = "a\"; DROP SCHEMA dr; --" + once;
  auto store = machine.Open(CalmSocket("schema=a%22;%20DROP%20SCHEMA%20dr;%20--" + once +
                                       "&namespace=it's%20%22$1%22%5C"));
  PassAll(*store);
  CHECK(Psql(fmt::format("SELECT count(*) > 0 FROM {}.value WHERE namespace = $$it's \"$1\"\\$$",
                         Quoted(schema))) == "t");
}

TEST_CASE("psql reads what dr wrote, and dr what is damaged") {
  Machine machine;
  const std::string once = machine.Once();
  auto store = machine.Open(Calm("namespace=" + once));
  const std::string value("\0value\xff", 7);
  const absl::StatusOr<Version> version = store->Put("a/key", value, {}, {});
  REQUIRE(version.ok());
  CHECK(Psql("SELECT convert_from(key, 'UTF8'), version, value FROM dr.value WHERE namespace = '" +
             once + "'") == "a/key|" + version->value + "|\\x0076616c7565ff");
  Psql("UPDATE dr.value SET value = '\\x00' WHERE namespace = '" + once + "'");
  CHECK(absl::IsDataLoss(store->Get("a/key", {}).status()));
  Psql("UPDATE dr.value SET version = '?' WHERE namespace = '" + once + "'");
  CHECK(absl::IsDataLoss(store->Get("a/key", {}).status()));
}

TEST_CASE("What has expired is nowhere, and is removed when others are put") {
  Machine machine;
  const std::string once = machine.Once();
  auto store = machine.Open(Calm("namespace=" + once));
  const PutOptions brief{.ttl = absl::Milliseconds(1)};
  const absl::StatusOr<Version> version = store->Put("brief", "x", brief, {});
  REQUIRE(version.ok());
  REQUIRE(store->Put("brief too", "x", brief, {}).ok());
  while (store->Get("brief too", {}).ok()) continue;
  CHECK(absl::IsNotFound(store->Get("brief", {}).status()));
  CHECK(store->List("", "", {})->entries.empty());
  const std::string_view keys[] = {"brief"};
  CHECK(absl::IsNotFound(store->GetMany(keys, {})[0].status()));
  CHECK(absl::IsNotFound(store->Delete("brief", {.if_version = *version}, {})));
  CHECK(absl::IsNotFound(
      store->Put("brief", "y", {.condition = PutCondition::kIfVersion, .version = *version}, {})
          .status()));
  CHECK(store->Put("brief", "z", {.condition = PutCondition::kIfAbsent}, {}).ok());
  CHECK(store->Get("brief", {})->value == "z");
  CHECK(store->Put("hour", "x", {.ttl = absl::Hours(1)}, {}).ok());
  CHECK(store->Put("ever", "x", {.ttl = absl::InfiniteDuration()}, {}).ok());
  CHECK(store->Get("hour", {}).ok());
  CHECK(store->Get("ever", {}).ok());
  CHECK(Psql("SELECT count(*) FROM dr.value WHERE namespace = '" + once + "'") == "3");
}

}  // namespace
}  // namespace dr
