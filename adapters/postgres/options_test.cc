// What libpq and the tools around it take in a URI is taken here too, or refused by its name.
#include "adapters/postgres/options.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <string>

#include "adapters/postgres/server_fixture.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/temp_directory.h"

namespace dr {
namespace {

using namespace postgres_test;

TEST_CASE("parameters of libpq have their effect (K53)") {
  Machine machine;
  const std::string name = "agent" + machine.Once();
  auto store = machine.Open(
      Calm("connect_timeout=5&channel_binding=prefer&keepalives=1&keepalives_idle=30"
           "&tcp_user_timeout=9000&target_session_attrs=read-write&ssl_min_protocol_version=TLSv1.2"
           "&application_name=" +
           name));
  REQUIRE(store->Put(name, "value", {}, {}).ok());
  CHECK(Psql("SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = '" + name + "'") ==
        "t");
}

TEST_CASE("what would not have its effect is refused by its name (K53)") {
  for (const char* parameter :
       {"options=-csearch_path%3Dx", "hostaddr=127.0.0.1", "gssencmode=prefer", "replication=true",
        "client_encoding=latin1", "user=other", "dbname=other", "load_balance_hosts=random",
        "sslmode=prefer", "sslmode=allow", "target_session_attrs=standby",
        "target_session_attrs=prefer-standby", "connect_timeout=-1", "connect_timeout=x"}) {
    const auto uri = ParseUri(fmt::format("postgres://u@h/d?{}", parameter));
    REQUIRE(uri.ok());
    const absl::Status refused = postgres::ReadOptions(*uri).status();
    INFO(refused.ToString());
    CHECK(absl::IsInvalidArgument(refused));
    const std::string_view name =
        std::string_view(parameter).substr(0, std::string_view(parameter).find('='));
    CHECK(AsStd(refused.message()).find(name) != std::string_view::npos);
  }
  Machine machine;  // and what libpq refuses itself
  const absl::Status refused = machine.TryOpen(Calm("channel_binding=perhaps")).status();
  INFO(refused.ToString());
  CHECK(absl::IsInvalidArgument(refused));
}

TEST_CASE("of several hosts the first that takes the connection is used (K53)") {
  Machine machine;
  const std::string port = fmt::format("{}", test::PortOf(Calm("")));
  const std::string key = machine.Once();
  auto store = machine.Open("postgres://postgres@127.0.0.1:1,localhost:" + port +
                            "/postgres?sslmode=disable&namespace=" + key);
  CHECK(store->Put(key, "value", {}, {}).ok());
}

TEST_CASE("a host that hangs has its time and then the next one its turn (K53 K54)") {
  const FaultyTurn turn;
  Machine machine;
  Do("STOP faulty");
  const Instant start = machine.clock.Now();
  auto store = machine.TryOpen(fmt::format(
      "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres?sslmode=disable&connect_timeout=2",
      test::PortOf(Faulty("")), test::PortOf(Calm(""))));
  const std::chrono::nanoseconds took = machine.clock.Now() - start;
  Do("CONT faulty");
  INFO(store.status().ToString());
  CHECK(store.ok());
  CHECK(took < std::chrono::seconds(20));
}

TEST_CASE("a service's file says where the server is (K53)") {
  Machine machine;
  test::TempDirectory folder;
  std::ofstream(folder / "services")
      << fmt::format("[agents]\nhost=127.0.0.1\nport={}\ndbname=postgres\nuser=postgres\n",
                     test::PortOf(Calm("")));
  setenv("PGSERVICEFILE", (folder / "services").c_str(), 1);
  CHECK(machine.Open("postgres:///?service=agents&sslmode=disable")->Check({}).ok());
  CHECK_FALSE(machine.TryOpen("postgres:///?service=others&sslmode=disable").ok());
  unsetenv("PGSERVICEFILE");
}

TEST_CASE("a password may come from libpq's own file (K53)") {
  Machine machine;
  Psql(
      "DO $$ BEGIN CREATE ROLE guarded LOGIN PASSWORD 'right-horse'; EXCEPTION WHEN "
      "duplicate_object THEN END $$");
  test::TempDirectory folder;
  std::ofstream(folder / "pass") << "*:*:*:guarded:right-horse\n";
  REQUIRE(std::system(("chmod 600 " + folder / "pass").c_str()) == 0);
  const absl::Status opened =
      machine
          .TryOpen(fmt::format("postgres://guarded@127.0.0.1:{}/postgres?sslmode=disable"
                               "&schema=theirs&passfile={}",
                               test::PortOf(Calm("")), folder / "pass"))
          .status();
  INFO(opened.ToString());  // it may log in and make no schema
  CHECK(opened.message().find("42501") != absl::string_view::npos);
}

}  // namespace
}  // namespace dr
