// What people and programs really put into a configuration file, and where they put the file.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "dr/config.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "tests/support/temp_directory.h"

namespace dr::test {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kGood = "state_persistence:\n  directory: agent\n";

std::optional<std::string> Variable(std::string_view name) {
  if (name == "HOME") return "/home/agent";
  if (name == "LINE") return "/var/lib/agent\n";
  if (name == "URL") return "redis://u:hunter2@h/0\r\n";
  return std::nullopt;
}

absl::StatusOr<HostOptions> ParseSettings(std::string_view settings) {
  std::string text = "state_persistence:\n  ";
  for (char c : settings) text += c == '\n' ? std::string("\n  ") : std::string(1, c);
  return ParseHostOptions(text + "\n", "agent.yaml", Variable);
}

// An error at `place` that says what to write, and no secret.
void CheckRefused(const absl::Status& status, std::string_view place, std::string_view next) {
  INFO(status);
  CHECK(absl::IsInvalidArgument(status));
  const std::string message(status.message());
  CHECK_THAT(message, Catch::Contains(fmt::format("[{}", place)));
  CHECK_THAT(message, Catch::Contains(std::string(next)));
  CHECK_THAT(message, !Catch::Contains("hunter2"));
}

TEST_CASE("words are understood in any case (K56)") {
  for (std::string_view adapter : {"redis", "Redis", "REDIS", "\"Redis\""}) {
    INFO(adapter);
    const auto options = ParseSettings(fmt::format("adapter: {}\nredis_url: REDIS://h/0", adapter));
    INFO(options.status());
    CHECK(options.ok());
  }
  for (const auto& [word, value] : {std::pair("true", true), std::pair("True", true),
                                    std::pair("TRUE", true), std::pair("False", false)}) {
    INFO(word);
    const auto options = ParseSettings(
        fmt::format("directory: a\ndurability: Process\nsnapshot_on_shutdown: {}", word));
    REQUIRE(options.ok());
    CHECK(options->checkpoint.on_shutdown == value);
    CHECK(options->durability == Durability::kProcess);
  }
}

TEST_CASE("every value that cannot be meant is refused at its place with what to write (K56)") {
  struct Row {
    std::string_view settings, place, next;
  };
  const Row rows[] = {
      {"directory: ~/state", "agent.yaml:2:3: directory", "${HOME}"},
      {"directory: ~agent", "agent.yaml:2:3: directory", "./~"},
      {"directory: ~", "agent.yaml:2:3: directory", "give one"},
      {"directory: null", "agent.yaml:2:3: directory", "give one"},
      {"directory: file:///var/lib/agent", "agent.yaml:2:3: directory", "adapter"},
      {"directory: |\n  /var/lib/agent", "agent.yaml:2:3: directory", "on one line"},
      {"directory: ${LINE}", "agent.yaml:2:3: directory", "on one line"},
      {"directory: ' a'", "agent.yaml:2:3: directory", "on one line"},
      {"directory: [a]", "agent.yaml:2:3: directory", "plain value"},
      {"adapter: ' redis'\nurl: redis://h", "agent.yaml:2:3: adapter", "on one line"},
      {"adapter: filesystem\nurl: file:///var", "agent.yaml:3:3: url", "before ://"},
      {"adapter: redis\nurl: ${URL}", "agent.yaml:3:3: url", "on one line"},
      {"adapter: redis\nurl: |\n  redis://u:hunter2@h", "agent.yaml:3:3: url", "on one line"},
      {"adapter: redis\nurl: redis://u:hunter2@h\n  ?tls=on", "agent.yaml:3:3: url, offset 19",
       "escaped as %XX"},
      {"adapter: redis\nurl: redis://u:hunter2#x@h", "agent.yaml:3:3: url, offset 17", "%23"},
      {"adapter: redis\nurl: redis://u:hunter2 #x@h", "agent.yaml:3:3: url", "port"},
      {"adapter: redis\nRedis_URL: redis://h", "agent.yaml:3:3: Redis_URL", "redis_url"},
      {"directory: a\nsnapshot_on_shutdown: yes", "agent.yaml:3:3: snapshot_on_shutdown",
       "true or false"},
      {"directory: a\nsnapshot_on_shutdown: on", "agent.yaml:3:3", "true or false"},
      {"directory: a\nsnapshot_on_shutdown: 1", "agent.yaml:3:3", "true or false"},
      {"directory: a\ndurability: kLocal", "agent.yaml:3:3: durability", "local or process"},
      {"directory: a\nttl: 1_000", "agent.yaml:3:3: ttl", "such as 60"},
      {"directory: a\nttl: 1e3", "agent.yaml:3:3: ttl", "such as 60"},
      {"directory: a\nttl: 0x10", "agent.yaml:3:3: ttl", "such as 60"},
      {"directory: a\nttl: 010", "agent.yaml:3:3: ttl", "such as 60"},
      {"directory: a\nttl: 00", "agent.yaml:3:3: ttl", "such as 60"},
      {"directory: a\nttl: 5m", "agent.yaml:3:3: ttl", "min"},
      {"directory: a\nttl: .inf", "agent.yaml:3:3: ttl", "such as 60"},
      {"directory: a\nsnapshots_kept: 10s", "agent.yaml:3:3: snapshots_kept", "a number"},
      {"directory: a\nsnapshots_kept: 03", "agent.yaml:3:3: snapshots_kept", "a number"},
      {"directory: a\nsnapshots_kept: 3.0", "agent.yaml:3:3: snapshots_kept", "a number"},
      // What an alias repeats has a place of its own.
      {"directory: &x a\nttl: *x", "agent.yaml:3:3: ttl", "such as 60"},
      {"directory: a\nttl: &k snapshots_kept\n*k : 3", "agent.yaml:3:3: ttl", "such as 60"},
      {"directory: &k ttl\n*k : x", "agent.yaml:3:3: ttl", "such as 60"},
      {"&k ttl: 3\n*k : 4", "agent.yaml:3:3", "remove one"},
      {"<<: {ttl: 3}", "agent.yaml:2:3", "plain value"},
  };
  for (const Row& row : rows) {
    INFO(row.settings);
    CheckRefused(ParseSettings(row.settings).status(), row.place, row.next);
  }
}

TEST_CASE("the text of an editor on any system is read (K56)") {
  for (std::string_view text : {"\xEF\xBB\xBFstate_persistence:\n  directory: agent\n",
                                "state_persistence:\r\n  directory: agent\r\n  ttl: 0\r\n",
                                "state_persistence:\n  directory: agent\t# a tab\n",
                                "state_persistence:\n  directory:\tagent",
                                "%YAML 1.2\n---\nstate_persistence:\n  directory: agent\n...\n",
                                "# Grüße\nstate_persistence: {\"directory\": 'agent'}"}) {
    INFO(text);
    const auto options = ParseHostOptions(text, "agent.yaml", Variable);
    INFO(options.status());
    REQUIRE(options.ok());
    CHECK(options->directory == "agent");
  }
}

TEST_CASE("what is no text is refused where it stands (K56)") {
  const std::pair<std::string, std::string_view> rows[] = {
      {"state_persistence:\n  directory: a\x04\n  nonsense: 1", "agent.yaml:2:15"},
      {std::string("state_persistence:\n  directory: a\n\0other: 1", 43), "agent.yaml:3:1"},
      {"state_persistence:\r  directory: a", "agent.yaml:1:19"},
      {"state_persistence:\n  directory: b\xFCro", "agent.yaml:2:15"},
      {"state_persistence:\n  directory: a\xE2\x80\xAE", "agent.yaml:2:15"},
      {std::string("\xFF\xFEs\0t\0", 6), "agent.yaml:1:1"},
  };
  for (const auto& [text, place] : rows) {
    INFO(text);
    CheckRefused(ParseHostOptions(text, "agent.yaml", Variable).status(), place, "UTF-8");
  }
  // Tabs do not indent.
  CheckRefused(
      ParseHostOptions("state_persistence:\n\tdirectory: a", "agent.yaml", Variable).status(),
      "agent.yaml:2:", "not by tabs");
}

TEST_CASE("a configuration may be reached through links as in a ConfigMap (K55)") {
  TempDirectory temp;
  fs::create_directory(temp / "..2026_11_29");
  std::ofstream(temp / "..2026_11_29/agent.yaml") << kGood;
  fs::create_symlink("..2026_11_29", temp / "..data");
  fs::create_symlink("..data/agent.yaml", temp / "agent.yaml");
  const auto options = LoadHostOptions(temp / "agent.yaml");
  INFO(options.status());
  REQUIRE(options.ok());
  CHECK(options->directory == "agent");
}

TEST_CASE("a configuration may come through a pipe and is cut at its bound (K55)") {
  TempDirectory temp;
  const std::string pipe = temp / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  const auto load = [&](std::string_view text) {
    std::jthread writer([&] {
      std::ofstream out(pipe);
      for (char c : text) out << c << std::flush;
    });
    return LoadHostOptions(pipe);
  };
  const auto options = load(kGood);
  INFO(options.status());
  CHECK(options.ok());
  CHECK_THAT(std::string(LoadHostOptions("/dev/zero").status().message()),
             Catch::Contains("64 KiB"));

  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(write(ends[1], kGood.data(), kGood.size()) == ssize_t(kGood.size()));
  close(ends[1]);
  const int old_input = dup(0);
  dup2(ends[0], 0);
  const auto from_stdin = LoadHostOptions("/dev/stdin");
  dup2(old_input, 0);
  close(old_input);
  close(ends[0]);
  INFO(from_stdin.status());
  CHECK(from_stdin.ok());
}

TEST_CASE("what is named and cannot be read is told as such (K55)") {
  TempDirectory temp;
  fs::create_symlink("nowhere", temp / "dangling");
  fs::create_symlink("circle", temp / "circle");
  CHECK(absl::IsNotFound(LoadHostOptions(temp / "dangling").status()));
  CHECK(absl::IsNotFound(LoadHostOptions("").status()));
  for (const std::string& path : {temp / "circle", temp.path(), temp / "circle/agent.yaml"}) {
    CheckRefused(LoadHostOptions(path).status(), path, "name a file");
  }
}

}  // namespace
}  // namespace dr::test
