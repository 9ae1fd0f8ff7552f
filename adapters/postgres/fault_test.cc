#include <pwd.h>
#include <sys/mount.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>
#include <thread>

#include "adapters/postgres/server_fixture.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/temp_directory.h"

namespace dr {
namespace {

using namespace postgres_test;

std::string TlsFile(const std::string& name) {
  return FromEnvironment("DR_TEST_POSTGRES_TLS_FILES") + "/" + name;
}
std::string Trusting(const std::string& file) { return "?sslrootcert=" + TlsFile(file); }

TEST_CASE(
    "D3: A server that does not prove who it is gets no password, and one that does is used") {
  Machine machine;
  const std::string uri = FromEnvironment("DR_TEST_POSTGRES_TLS");
  const std::string port = std::to_string(test::PortOf(uri));
  auto store = machine.Open(uri + Trusting("ca.pem"));
  CHECK(store->Put("tls" + machine.Once(), "value", {}, {}).ok());
  // What dr asked for is what the server has.
  CHECK(Psql("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE "
             "application_name = 'dr' AND datname = 'postgres' AND usename = 'postgres' AND ssl") ==
        "t");
  const std::string other = "postgres://postgres:c4n4ry@127.0.0.1:" + port + "/postgres";
  const std::string named = "postgres://postgres:c4n4ry@localhost:" + port + "/postgres";
  const std::string plain =
      "postgres://postgres:c4n4ry@127.0.0.1:" + std::to_string(test::PortOf(Faulty(""))) +
      "/postgres";
  const std::string rows[] = {
      other + Trusting("ca.pem"),       // another name than it proves
      named + Trusting("server.pem"),   // no authority
      named + Trusting("nowhere.pem"),  // nothing to trust
      named + "?sslmode=verify-ca&sslrootcert=" + TlsFile("server.pem"),
      plain,  // no TLS, which is asked for by default
      plain + "?sslmode=require",
  };
  for (const std::string& row : rows) {
    const absl::Status status = machine.TryOpen(row).status();
    INFO(row << ": " << status.ToString());
    CHECK(absl::IsUnauthenticated(status));
    CHECK(status.ToString().find("c4n4ry") == std::string::npos);
  }
  CHECK(machine.TryOpen(other + "?sslmode=verify-ca&sslrootcert=" + TlsFile("ca.pem")).ok());
}

TEST_CASE("D15: An answer in TLS that is cut at any byte is worth another try") {
  Machine machine;
  const std::string uri = FromEnvironment("DR_TEST_POSTGRES_TLS");
  test::FaultProxy proxy(test::PortOf(uri));
  auto store = machine.Open(proxy.Through(uri) + Trusting("ca.pem"));
  const std::string key = "tls" + machine.Once();
  REQUIRE(store->Put(key, "value", {}, {}).ok());
  REQUIRE(store->Get(key, {}).ok());
  const long before = proxy.reply_bytes();
  REQUIRE(store->Get(key, {}).ok());
  const long bytes = proxy.reply_bytes() - before;
  REQUIRE(bytes > 100);
  for (long cut = 0; cut < bytes; cut += 7) {
    REQUIRE(store->Get(key, {}).ok());  // on a new connection, which is prepared for the next
    proxy.CutReplyAfter(cut);
    const absl::Status status = store->Get(key, {}).status();
    INFO(cut << " of " << bytes << ": " << status.ToString());
    CHECK(absl::IsUnavailable(status));
    CHECK(proxy.has_cut());
  }
  const absl::Status opened = [&] {
    proxy.CutReplyAfter(300);  // in the middle of what proves who the server is
    return machine.TryOpen(proxy.Through(uri) + Trusting("ca.pem")).status();
  }();
  INFO(opened.ToString());
  CHECK(absl::IsUnavailable(opened));
}

TEST_CASE("D16: Who would wait for each other for ever is made to fail, and does all of it again") {
  Machine machine;
  const std::string schema = "s" + machine.Once();
  auto store = machine.Open(Calm("schema=" + schema));
  const KeyValue old[] = {{"a", "old"}, {"b", "old"}}, changed[] = {{"a", "new"}, {"b", "new"}};
  REQUIRE(store->PutMany(old, {}).ok());
  const auto touch = [&](const char* key) {
    return fmt::format("UPDATE {}.value SET namespace = namespace WHERE key = '{}'", schema, key);
  };
  // Never itself the one that the server chooses.
  const std::string other =
      PsqlCommand(fmt::format("SET deadlock_timeout = '60s'; BEGIN; {}; SELECT pg_sleep(0.5); {}; "
                              "COMMIT",
                              touch("b"), touch("a"))) +
      " >/dev/null";
  int ended = -1;
  std::jthread opponent([&] { ended = std::system(other.c_str()); });
  while (Psql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE "
              "'%" +
              schema + ".value%'") != "1") {
    continue;
  }
  const std::string before =
      Psql("SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'");
  CHECK(store->PutMany(changed, {}).ok());
  opponent.join();
  CHECK(ended == 0);
  CHECK(store->Get("a", {})->value == "new");
  CHECK(store->Get("b", {})->value == "new");
  while (Psql("SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'") == before) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // it is counted in time
  }
}

// A disk of a few MiB for one table, which grows when it is told to.
class SmallDisk {
 public:
  explicit SmallDisk(std::string name) : name_(std::move(name)) {
    const passwd* user = getpwnam("postgres");
    if (user == nullptr) return;
    const std::string options = fmt::format("size=4m,mode=0700,uid={}", user->pw_uid);
    is_mounted_ = mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, options.c_str()) == 0;
    if (!is_mounted_) return;
    Psql(fmt::format("CREATE TABLESPACE {} LOCATION '{}'", name_, folder_ / "."));
  }
  ~SmallDisk() {
    if (!is_mounted_) return;
    Psql("DROP TABLESPACE " + name_);
    CHECK(umount2(folder_.path().c_str(), MNT_DETACH) == 0);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool is_mounted() const { return is_mounted_; }
  void Grow() {
    CHECK(mount("tmpfs", folder_.path().c_str(), "tmpfs", MS_REMOUNT, "size=16m") == 0);
  }

 private:
  const std::string name_;
  test::TempDirectory folder_;
  bool is_mounted_ = false;
};

TEST_CASE("D16: A full disk is said, takes nothing that was there, and is well when it has grown") {
  Machine machine;
  const std::string schema = "s" + machine.Once();
  SmallDisk disk("t" + schema);
  if (!disk.is_mounted()) {
    WARN("skipped: only root may mount");
    return;
  }
  auto store = machine.Open(Calm("schema=" + schema));
  Psql(fmt::format("ALTER TABLE {}.value SET TABLESPACE t{}", schema, schema));
  const std::string value(1 << 20, 'v');
  absl::Status put;
  int stored = -1;
  for (; put.ok() && stored < 10; ++stored) {
    put = store->Put(fmt::format("{}", stored + 1), value, {}, {}).status();
  }
  INFO(put.ToString());
  CHECK(absl::IsResourceExhausted(put));
  CHECK(stored > 0);
  CHECK(absl::IsNotFound(store->Get(fmt::format("{}", stored), {}).status()));
  const KeyValue many[] = {{"0", "changed"}, {"many", value}};
  CHECK(absl::IsResourceExhausted(store->PutMany(many, {})));
  CHECK((store->Get("0", {})->value == value));
  disk.Grow();
  CHECK(store->PutMany(many, {}).ok());
  CHECK(store->Get("0", {})->value == "changed");
  store.reset();
  Psql("SET client_min_messages = error; DROP SCHEMA " + schema + " CASCADE");
}

}  // namespace
}  // namespace dr
