// F11, F12: somebody who listens where a Postgres should, and what a server says.
#include <catch2/catch.hpp>
#include <string>

#include "adapters/postgres/server_fixture.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "tests/support/hostile_server.h"
#include "tests/support/temp_directory.h"

namespace dr {
namespace {

using namespace postgres_test;
using std::string_literals::operator""s;

// One message of the protocol.
std::string Message(char type, std::string_view body) {
  std::string out(1, type);
  const auto length = static_cast<std::uint32_t>(body.size() + 4);
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(length >> shift);
  return out.append(body);
}
const std::string kWelcome = Message('R', std::string(4, '\0')) + Message('Z', "I");

absl::Status TryAt(const test::HostileServer& server) {
  Machine machine;
  return machine
      .TryOpen(fmt::format("postgres://u@127.0.0.1:{}/d?sslmode=disable&timeout=2", server.port()))
      .status();
}

TEST_CASE("F11: what no Postgres answers ends the call") {
  struct Row {
    std::string_view what;
    std::string begin, again;
  };
  const std::string notice = Message('N', "SWARNING\0VWARNING\0C01000\0Mendless\0\0"s);
  const Row rows[] = {
      {"another protocol", "HTTP/1.1 400 Bad Request\r\n\r\n", ""},
      {"nothing", "", ""},
      {"a method of authentication that nobody knows", Message('R', std::string("\0\0\0\x63", 4)),
       ""},
      {"a copy that was not asked for", kWelcome + Message('G', std::string(3, '\0')), ""},
      {"a copy out", kWelcome + Message('H', std::string(3, '\0')) + Message('d', "x"), ""},
      {"rows of no statement", kWelcome + Message('D', std::string(2, '\0')), ""},
      {"a message of gigabytes", kWelcome + std::string("T\x7f\xff\xff\xff", 5), ""},
      {"a negative length", kWelcome + std::string("C\xff\xff\xff\xff", 5), ""},
      {"notices without end", kWelcome, notice},
      {"welcomes without end", kWelcome, Message('Z', "I")},
      {"ends of a pipeline", kWelcome + Message('Z', "I") + Message('Z', "I"), ""},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const test::HostileServer server(row.begin, row.again);
    SystemClock clock;
    const Instant start = clock.Now();
    const absl::Status opened = TryAt(server);
    INFO(opened.ToString());
    CHECK_FALSE(opened.ok());
    CHECK(clock.Now() - start < std::chrono::seconds(30));
  }
}

TEST_CASE("F12: nothing that a Postgres says can break a line or colour a terminal") {
  const test::HostileServer server(
      kWelcome + Message('E', "SERROR\0VERROR\0CXX000\0M\x1b[31mroot\x1b[0m\n2026 OK\x7f\0\0"s) +
          Message('Z', "I"),
      "");
  test::TempDirectory folder;
  const int before = dup(STDERR_FILENO);
  const int printed = open((folder / "printed").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  REQUIRE(dup2(printed, STDERR_FILENO) == STDERR_FILENO);
  const absl::Status opened = TryAt(server);
  dup2(before, STDERR_FILENO);
  CHECK(lseek(printed, 0, SEEK_END) == 0);  // libpq would print it
  close(before);
  close(printed);
  INFO(opened.message());
  REQUIRE_FALSE(opened.ok());
  for (const char c : opened.message()) CHECK((c >= ' ' && c != '\x7f'));
}

}  // namespace
}  // namespace dr
