#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapters/postgres/server_fixture.h"
#include "dr/adapters/postgres.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "tests/support/fault_proxy.h"

namespace dr {
namespace {

using namespace postgres_test;

TEST_CASE("Names that attack are only names") {
  Machine machine;
  const std::string once = machine.Once();
  const std::string schema = "a\"; DROP SCHEMA dr; --" + once;
  auto store = machine.Open(CalmSocket("schema=a%22;%20DROP%20SCHEMA%20dr;%20--" + once +
                                       "&namespace=it's%20%22$$1%22%5C"));
  const KeyValue items[] = {{"a", "1"}, {"b'\"; DROP TABLE dr.value; --", "2"}};
  REQUIRE(store->PutMany(items, {}).ok());
  const PutOptions again{.condition = PutCondition::kIfVersion,
                         .version = store->Get("a", {})->version};
  REQUIRE(store->Put("a", "3", again, {}).ok());
  CHECK(store->Delete(items[1].key, {}, {}).ok());
  CHECK(store->List("", "", {})->entries.size() == 1);
  CHECK(Psql(fmt::format("SELECT count(*) = 1 FROM {}.value WHERE namespace = $$it's \"$1\"\\$$",
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

TEST_CASE("More keys than one statement deletes are deleted") {
  Machine machine;
  auto store = machine.Open(Calm("namespace=" + machine.Once()));
  std::vector<std::string> keys;
  for (int i = 0; i <= 10'000; ++i) keys.push_back(fmt::format("many/{}", i));
  std::vector<KeyValue> items;
  for (const std::string& key : keys) items.push_back({key, ""});
  items.push_back({"one", "stays"});
  REQUIRE(store->PutMany(items, {}).ok());
  CHECK(store->DeleteMany(keys, {}).ok());
  const auto left = store->List("", "", {});
  REQUIRE(left.ok());
  REQUIRE(left->entries.size() == 1);
  CHECK(left->entries[0].key == "one");
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

// Makes every change of a row fail with the SQLSTATE that its key begins with, `times` times.
void FailByKey(const std::string& schema, int times) {
  Psql(fmt::format(
      "CREATE SEQUENCE {0}.failed; CREATE FUNCTION {0}.fail() RETURNS trigger LANGUAGE plpgsql AS "
      "$do$ BEGIN IF get_byte(new.key, 0) = 33 AND nextval('{0}.failed') <= {1} THEN RAISE "
      "EXCEPTION "
      "'planted' USING ERRCODE = convert_from(substr(new.key, 2, 5), 'UTF8'); END IF; RETURN new; "
      "END $do$; CREATE TRIGGER fail BEFORE INSERT ON {0}.value FOR EACH ROW EXECUTE FUNCTION "
      "{0}.fail()",
      schema, times));
}

TEST_CASE("D16: What the server refuses has a type, and has not happened") {
  Machine machine;
  const std::string schema = "s" + machine.Once();
  auto store = machine.Open(Calm("schema=" + schema));
  FailByKey(schema, 1 << 30);
  const std::pair<const char*, absl::StatusCode> rows[] = {
      {"25006", absl::StatusCode::kUnavailable},
      {"28000", absl::StatusCode::kUnauthenticated},
      {"40001", absl::StatusCode::kUnavailable},
      {"40P01", absl::StatusCode::kUnavailable},
      {"42501", absl::StatusCode::kUnauthenticated},
      {"53100", absl::StatusCode::kResourceExhausted},
      {"53300", absl::StatusCode::kUnavailable},
      {"57014", absl::StatusCode::kDeadlineExceeded},
      {"57P01", absl::StatusCode::kUnknown},  // shut down, perhaps after the commit
      {"XX001", absl::StatusCode::kDataLoss},
  };
  for (const auto& [state, code] : rows) {
    const std::string key = fmt::format("!{}", state);
    const absl::Status status = store->Put(key, "x", {}, {}).status();
    INFO(state << " " << status.ToString());
    CHECK(status.code() == code);
    CHECK(absl::IsNotFound(store->Get(key, {}).status()));
  }
}

TEST_CASE("D16: What another transaction made fail is done again as a whole") {
  Machine machine;
  const std::string schema = "s" + machine.Once();
  auto store = machine.Open(Calm("schema=" + schema));
  FailByKey(schema, 3);
  CHECK(store->Put("!40001", "x", {.condition = PutCondition::kIfAbsent}, {}).ok());
  CHECK(Psql("SELECT last_value FROM " + schema + ".failed") == "4");
}

TEST_CASE("D16: Many are put in one transaction, however long, or not at all") {
  Machine machine;
  const std::string schema = "s" + machine.Once();
  auto store = machine.Open(Calm("schema=" + schema));
  FailByKey(schema, 1);
  const std::string value(9 << 20, 'v');
  const std::string last = "last " + value;
  const KeyValue items[] = {{"b", value}, {"!53100", value}, {"a", value}, {"b", last}};
  CHECK(absl::IsResourceExhausted(store->PutMany(items, {})));
  CHECK(store->List("", "", {})->entries.empty());
  CHECK(store->PutMany(items, {}).ok());
  CHECK(store->List("", "", {})->entries.size() == 3);
  CHECK(store->Get("b", {})->value == last);
}

TEST_CASE("D16: A statement that waits too long ends on the server, and has not happened") {
  Machine machine;
  const std::string schema = "s" + machine.Once();
  auto store = machine.Open(Calm("schema=" + schema));
  REQUIRE(store->Put("key", "old", {}, {}).ok());
  const std::string hold = PsqlCommand("BEGIN; UPDATE " + schema +
                                       ".value SET namespace = namespace; SELECT pg_sleep(3)") +
                           " >/dev/null";
  int ended = -1;
  std::thread holder([&] { ended = std::system(hold.c_str()); });
  const auto held = [&] {
    return Psql(
               "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE "
               "'%" +
               schema + ".value%'") == "1";
  };
  while (!held()) continue;
  const Context brief{.deadline = machine.clock.Now() + std::chrono::milliseconds(300)};
  CHECK(absl::IsDeadlineExceeded(store->Put("key", "new", {}, brief).status()));
  holder.join();
  CHECK(ended == 0);
  CHECK(store->Get("key", {})->value == "old");
}

TEST_CASE("D20: A server that hangs ends no call late") {
  const FaultyTurn turn;
  Machine machine;
  auto store = machine.Open(Faulty("timeout=1&namespace=" + machine.Once()));
  REQUIRE(store->Put("key", "value", {}, {}).ok());
  Do("STOP faulty");
  const auto brief = [&] {
    return Context{.deadline = machine.clock.Now() + std::chrono::milliseconds(200)};
  };
  CHECK(absl::IsDeadlineExceeded(store->Get("key", brief()).status()));
  CHECK(absl::IsDeadlineExceeded(store->Get("key", brief()).status()));  // on a new connection
  CHECK(absl::IsUnavailable(store->Get("key", {}).status()));
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    source.request_stop();
  });
  CHECK(absl::IsCancelled(store->Get("key", {.stop = source.get_token()}).status()));
  Do("CONT faulty");
  REQUIRE(store->Get("key", {}).ok());
  Do("STOP faulty");
  const absl::Status put = store->Put("key", "maybe", {}, brief()).status();
  INFO(put.ToString());
  CHECK(absl::IsUnknown(put));
  Do("CONT faulty");
  CHECK(store->Check({}).ok());
}

TEST_CASE("D4: A Put whose answer was lost is found by its version") {
  Machine machine;
  test::FaultProxy proxy(test::PortOf(Calm("")));
  auto store = machine.Open(proxy.Through(Calm("namespace=" + machine.Once())));
  const PutOptions create{.condition = PutCondition::kIfAbsent};
  const KeyValue items[] = {{"a", "1"}, {"b", "2"}};
  // Prepares on a connection what is asked next, so that the answer to that is the first.
  const auto warm = [&] {
    REQUIRE(store->PutMany(items, {}).ok());
    REQUIRE(store->Put("warm" + machine.Once(), "", create, {}).ok());
    const Version version = store->Get("a", {})->version;
    REQUIRE(store->Delete("a", {.if_version = version}, {}).ok());
    proxy.CutReplyAfter(0);
  };
  warm();
  CHECK(store->Put("key", "value", create, {}).ok());
  CHECK(proxy.has_cut());
  warm();
  CHECK(store->PutMany(items, {}).ok());
  CHECK(proxy.has_cut());
  CHECK(store->Get("b", {})->value == "2");
  const Version version = store->Get("key", {})->version;
  warm();
  CHECK(absl::IsUnknown(store->Delete("key", {.if_version = version}, {})));
  CHECK(absl::IsNotFound(store->Get("key", {}).status()));
}

TEST_CASE("D3: Who cannot prove who they are is refused, and no password is told") {
  Machine machine;
  const std::string port = std::to_string(test::PortOf(Calm("")));
  Psql(
      "DO $$ BEGIN CREATE ROLE guarded LOGIN PASSWORD 'right-horse'; EXCEPTION WHEN "
      "duplicate_object THEN END $$");
  const auto refusal = [&](const std::string& uri) {
    const absl::Status status = machine.TryOpen(uri).status();
    INFO(status.ToString());
    CHECK(status.ToString().find("wrong-horse") == std::string::npos);
    return status.code();
  };
  const std::string at = "@127.0.0.1:" + port;
  using Code = absl::StatusCode;
  CHECK(refusal("postgres://guarded:wrong-horse" + at + "/postgres?sslmode=disable") ==
        Code::kUnauthenticated);
  CHECK(refusal("postgres://guarded" + at + "/postgres?sslmode=disable") == Code::kUnauthenticated);
  CHECK(refusal("postgres://postgres:wrong-horse" + at + "/nowhere?sslmode=disable") ==
        Code::kInvalidArgument);
  CHECK(refusal("postgres://postgres:wrong-horse@127.0.0.1:1/postgres") == Code::kUnavailable);
  // May log in, and nothing else.
  CHECK(refusal("postgres://guarded:right-horse" + at +
                "/postgres?sslmode=disable&schema=theirs") == Code::kUnauthenticated);
  for (const char* rest :
       {"?timeout=0", "?timeout=x", "?connections=101",
        "?namespace=", "?schema=", "?host=elsewhere", "?password=wrong-horse", "?sslmode=prefer"}) {
    INFO(rest);
    CHECK(refusal("postgres://postgres" + at + "/postgres" + rest) == Code::kInvalidArgument);
  }
}

TEST_CASE("A schema is made once by many, and a newer one is refused") {
  Machine machine;
  const std::string schema = "s" + machine.Once();
  {
    const std::string uri = Calm("schema=" + schema);
    std::vector<std::jthread> openers;
    std::atomic<int> opened = 0;
    for (int i = 0; i < 8; ++i) {
      openers.emplace_back([&] {
        Machine own;
        AdapterRegistry registry;
        opened += RegisterPostgres(registry).ok() && registry.Open(uri, own.environment).ok();
      });
    }
    openers.clear();
    CHECK(opened == 8);
  }
  Psql("INSERT INTO " + schema + ".version VALUES (2)");
  CHECK(absl::IsUnimplemented(machine.TryOpen(Calm("schema=" + schema)).status()));
}

TEST_CASE("P21: Only what the server keeps is declared, and Check tells when it no longer does") {
  const FaultyTurn turn;
  Machine machine;
  auto store = machine.Open(Faulty("connections=2"));
  CHECK(store->capabilities().durable);
  CHECK(store->capabilities().fence_safe);
  CHECK(store->capabilities().weaknesses.empty());
  for (const char* setting : {"fsync", "full_page_writes"}) {
    INFO(setting);
    const auto set = [&](const char* value) {
      Psql(fmt::format("ALTER SYSTEM SET {} = {}", setting, value), Faulty("connections=2"));
      Psql("SELECT pg_reload_conf()", Faulty("connections=2"));
      while (Psql(fmt::format("SHOW {}", setting), Faulty("connections=2")) != value) continue;
    };
    set("off");
    auto unsafe = machine.Open(Faulty("connections=2"));
    CHECK(!unsafe->capabilities().durable);
    CHECK(!unsafe->capabilities().fence_safe);
    CHECK(unsafe->capabilities().weaknesses.at(0).find(setting) != std::string::npos);
    CHECK(unsafe->Check({}).ok());
    absl::Status check = store->Check({});
    while (check.ok()) check = store->Check({});  // its connection reads the settings in its time
    CHECK(absl::IsFailedPrecondition(check));
    set("on");
  }
}

TEST_CASE("P21: A standby that commits do not wait for makes its server unsafe, and takes no Put") {
  const FaultyTurn turn;
  Machine machine;
  const std::string primary = Faulty("connections=2");
  auto store = machine.Open(primary);
  REQUIRE(store->capabilities().fence_safe);
  REQUIRE(store->Put("key", "value", {}, {}).ok());
  Do("restart standby");
  absl::Status check = store->Check({});
  while (check.ok()) check = store->Check({});  // until it is attached
  CHECK(absl::IsFailedPrecondition(check));
  CHECK(!machine.Open(primary)->capabilities().fence_safe);

  const std::string uri = FromEnvironment("DR_TEST_POSTGRES_STANDBY");
  auto standby = machine.TryOpen(uri);
  while (!standby.ok()) standby = machine.TryOpen(uri);  // until the schema is there
  CHECK(!(*standby)->capabilities().fence_safe);
  while (!(*standby)->Get("key", {}).ok()) continue;
  const absl::Status put = (*standby)->Put("key", "x", {}, {}).status();
  INFO(put.ToString());
  CHECK(absl::IsUnavailable(put));

  Psql("ALTER SYSTEM SET synchronous_standby_names = '*'", primary);
  Psql("SELECT pg_reload_conf()", primary);
  while (!store->Check({}).ok()) continue;
  CHECK(machine.Open(primary)->capabilities().fence_safe);
  Psql("ALTER SYSTEM RESET synchronous_standby_names", primary);
  Psql("SELECT pg_reload_conf()", primary);
  Do("end standby");
}

}  // namespace
}  // namespace dr
