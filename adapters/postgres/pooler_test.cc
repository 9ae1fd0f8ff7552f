// Postgres behind a real pgbouncer, which lends its few connections to many clients.
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "adapters/postgres/server_fixture.h"
#include "dr/status.h"
#include "dr/testing/adapter_cases.h"
#include "fmt/format.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/free_port.h"
#include "tests/support/temp_directory.h"

namespace dr {
namespace {

using namespace postgres_test;

// One backend for all clients, unless there is more to be shown.
class Pooler {
 public:
  explicit Pooler(const std::string& mode, int backends = 1, const std::string& server = Calm(""))
      : port_(test::FreePort()) {
    const std::string file = folder_ / "pgbouncer.ini";
    std::ofstream(file) << fmt::format(
        "[databases]\npostgres = host=127.0.0.1 port={} user=postgres\n[pgbouncer]\n"
        "listen_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir =\nauth_type = any\n"
        "pool_mode = {}\ndefault_pool_size = {}\nlogfile = {}\nserver_reset_query =\n",
        test::PortOf(server), port_, mode, backends, folder_ / "log");
    if (const passwd* user = getpwnam("postgres"); user != nullptr && geteuid() == 0) {
      REQUIRE(chown(folder_.path().c_str(), user->pw_uid, user->pw_gid) == 0);
    }
    child_ = fork();
    if (child_ == 0) {
      // It does not run as root.
      const char* const user = geteuid() == 0 ? "-upostgres" : "-q";
      execlp("pgbouncer", "pgbouncer", "-q", user, file.c_str(), nullptr);
      _exit(127);
    }
    while (std::system((PsqlCommand("SELECT 1", Uri("")) + " >/dev/null 2>&1").c_str()) != 0) {
      REQUIRE(waitpid(child_, nullptr, WNOHANG) == 0);
    }
  }
  ~Pooler() {
    kill(child_, SIGTERM);
    waitpid(child_, nullptr, 0);
  }
  Pooler(const Pooler&) = delete;
  Pooler& operator=(const Pooler&) = delete;

  std::string Uri(const std::string& options) const {
    return fmt::format("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable&{}", port_,
                       options.empty() ? "connections=4" : options);
  }

 private:
  test::TempDirectory folder_;
  const std::uint16_t port_;
  pid_t child_ = -1;
};

TEST_CASE("two stores of one namespace in two schemas never meet behind a pooler (K50)") {
  const std::string mode = GENERATE("transaction", "session");
  const Pooler pooler(mode, mode == "session" ? 8 : 1);
  Machine machine;
  const std::string once = machine.Once();
  std::vector<std::unique_ptr<StateAdapter>> stores;
  for (const char* schema : {"a", "b"}) {
    stores.push_back(
        machine.Open(pooler.Uri(fmt::format("schema={}{}&connections=2", schema, once))));
  }
  std::vector<std::jthread> users;
  std::atomic<int> wrong = 0;
  for (StateAdapter* store : {stores[0].get(), stores[1].get()}) {
    for (int user = 0; user < 2; ++user) {
      users.emplace_back([&wrong, user, store, mine = store == stores[0].get() ? "a" : "b"] {
        const std::string key = fmt::format("key{}", user);
        const KeyValue items[] = {{key, mine}, {"both", mine}};
        for (int i = 0; i < 40; ++i) {
          const bool put = store->Put(key, mine, {}, {}).ok() && store->PutMany(items, {}).ok();
          const absl::StatusOr<Item> got = store->Get(key, {}), both = store->Get("both", {});
          if (!put || !got.ok() || got->value != mine || !both.ok() || both->value != mine) ++wrong;
        }
      });
    }
  }
  users.clear();
  CHECK(wrong == 0);
  for (const char* schema : {"a", "b"}) {
    const std::string wanted = fmt::format("SELECT DISTINCT value FROM {}{}.value", schema, once);
    CHECK(Psql(wanted) == (*schema == 'a' ? "\\x61" : "\\x62"));
  }
}

TEST_CASE("nothing of a store is left in the connections that a pooler lends (K50)") {
  const Pooler pooler("transaction");
  Machine machine;
  auto store = machine.Open(pooler.Uri("namespace=" + machine.Once()));
  const std::string value(20 << 20, 'v');
  const KeyValue items[] = {{"a", value}, {"b", value}};
  REQUIRE(store->PutMany(items, {}).ok());
  REQUIRE(store->Put("c", "v", {.condition = PutCondition::kIfAbsent}, {}).ok());
  REQUIRE(store->Get("c", {.deadline = machine.clock.Now() + std::chrono::seconds(20)}).ok());
  CHECK(absl::IsAlreadyExists(
      store->Put("c", "v", {.condition = PutCondition::kIfAbsent}, {}).status()));
  // The same backend, in somebody else's hands.
  CHECK(Psql("SELECT count(*) FROM pg_prepared_statements", pooler.Uri("")) == "0");
  CHECK(Psql("SELECT name FROM pg_settings WHERE source = 'session' AND name NOT IN "
             "('application_name', 'client_encoding', 'DateStyle', 'TimeZone', "
             "'standard_conforming_strings')",
             pooler.Uri("")) == "");
}

TEST_CASE("a store behind a pooler passes every case (K50)") {
  const Pooler pooler("transaction", 3);
  Machine machine;
  auto store = machine.Open(pooler.Uri("namespace=" + machine.Once()));
  int ran = 0;
  for (const AdapterCase& check : AdapterCases()) {
    if (!check.applies(store->capabilities())) continue;
    INFO(check.name);
    const absl::Status status = check.run(*store, fmt::format("case/{}/", ran++));
    INFO(status.ToString());
    CHECK(status.ok());
  }
  CHECK(ran > 50);
}

TEST_CASE("a put whose server went behind a pooler never has a retry's code (K76)") {
  const FaultyTurn turn;
  const Pooler pooler("transaction", 2, Faulty(""));
  Machine machine;
  const std::string schema = "s" + machine.Once();
  auto store = machine.Open(pooler.Uri("timeout=3&schema=" + schema));
  REQUIRE(store->Put("key", "old", {}, {}).ok());
  const std::string hold = PsqlCommand("BEGIN; UPDATE " + schema +
                                           ".value SET namespace = namespace; SELECT pg_sleep(60)",
                                       Faulty("")) +
                           " >/dev/null 2>&1";
  std::thread holder([&] { static_cast<void>(std::system(hold.c_str())); });
  const auto waits_for = [&](const char* event) {
    while (Psql(fmt::format("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = '{}'",
                            event),
                Faulty("")) != "t") {
    }
  };
  waits_for("PgSleep");
  absl::Status put;
  std::thread putter([&] { put = store->Put("key", "new", {}, {}).status(); });
  waits_for("transactionid");
  Do("KILL faulty");
  putter.join();
  holder.join();
  Do("restart faulty");
  INFO(put.ToString());
  CHECK(absl::IsUnknown(put));
}

TEST_CASE("a pooler that allows no transactions is refused by name where one is needed (K50)") {
  const Pooler pooler("statement");
  Machine machine;
  const absl::Status refused = machine.TryOpen(pooler.Uri("schema=s" + machine.Once())).status();
  INFO(refused.ToString());
  CHECK(absl::IsUnavailable(refused));
  CHECK(refused.message().find("pool_mode") != absl::string_view::npos);
}

}  // namespace
}  // namespace dr
