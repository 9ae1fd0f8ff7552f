// The servers that tests/servers/postgres started, and what a test does to them.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "dr/adapters/postgres.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "tests/support/machine.h"

// Catch belongs to the thread of the test: others are given their URIs and commands.
namespace dr::postgres_test {

inline std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  INFO(name << " is not set: run scripts/servers start postgres");
  REQUIRE(value != nullptr);
  return value;
}
inline std::string Calm(const std::string& options) {
  return FromEnvironment("DR_TEST_POSTGRES") + "&" + options;
}
inline std::string CalmSocket(const std::string& options) {
  return FromEnvironment("DR_TEST_POSTGRES_SOCKET") + "&" + options;
}
inline std::string Faulty(const std::string& options) {
  return FromEnvironment("DR_TEST_POSTGRES_FAULTY") + "&" + options;
}
/// One test at a time, of all processes, does things to the faulty server and its standby.
class FaultyTurn {
 public:
  FaultyTurn() : file_(open(FromEnvironment("DR_TEST_POSTGRES_DO").c_str(), O_RDONLY | O_CLOEXEC)) {
    REQUIRE(flock(file_, LOCK_EX) == 0);
  }
  FaultyTurn(const FaultyTurn&) = delete;
  FaultyTurn& operator=(const FaultyTurn&) = delete;
  ~FaultyTurn() { close(file_); }

 private:
  const int file_;
};
/// "STOP faulty" and so on: see FOLDER/do, which tests/servers/postgres writes.
inline void Do(const std::string& what) {
  const std::string command = FromEnvironment("DR_TEST_POSTGRES_DO") + " " + what;
  INFO(command);
  REQUIRE(std::system(command.c_str()) == 0);
}

inline std::string PsqlCommand(const std::string& sql, const std::string& uri = Calm("")) {
  std::string quoted;
  for (char c : sql) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return fmt::format("psql -X -q -A -t -v ON_ERROR_STOP=1 '{}' -c '{}'",
                     uri.substr(0, uri.find('&')), quoted);
}
/// Another client's view: the rows of a query, columns apart by "|".
inline std::string Psql(const std::string& sql, const std::string& uri = Calm("")) {
  const std::string command = PsqlCommand(sql, uri);
  std::FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output;
  for (int c; (c = std::fgetc(pipe)) != EOF;) output += static_cast<char>(c);
  INFO(command);
  CHECK(pclose(pipe) == 0);
  while (output.ends_with('\n')) output.pop_back();
  return output;
}
inline std::string Quoted(const std::string& name) {
  std::string quoted = "\"";
  for (char c : name) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

struct Machine : test::Machine {
  absl::StatusOr<std::unique_ptr<StateAdapter>> TryOpen(const std::string& uri,
                                                        const Context& context = {}) {
    AdapterRegistry registry;
    REQUIRE(RegisterPostgres(registry).ok());
    return registry.Open(uri, environment, context);
  }
  std::unique_ptr<StateAdapter> Open(const std::string& uri) {
    auto store = TryOpen(uri);
    INFO(store.status().ToString());
    REQUIRE(store.ok());
    return *std::move(store);
  }
};

}  // namespace dr::postgres_test
