#include "dr/config.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <map>

#include "dr/status.h"
#include "fmt/format.h"
#include "tests/host/counter_component.h"
#include "tests/support/temp_directory.h"

namespace dr::test {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

std::optional<std::string> Variable(std::string_view name) {
  if (name == "REDIS_URL") return "redis://agent:hunt$er2@db.example/0";
  if (name == "TTL") return "7200";
  if (name == "EVIL") return "1\nttl: 9";
  return std::nullopt;
}

absl::StatusOr<HostOptions> Parse(std::string_view text) {
  return ParseHostOptions(text, "agent.yaml", Variable);
}

// The settings, one a line, under their section.
absl::StatusOr<HostOptions> ParseSettings(std::string_view settings) {
  std::string text = "state_persistence:\n  ";
  for (char c : settings) text += c == '\n' ? std::string("\n  ") : std::string(1, c);
  return Parse(text);
}

TEST_CASE("S1-4: State in Redis is configured as its users write it") {
  const auto options = Parse(
      "state_persistence:\n"
      "  adapter: redis\n"
      "  redis_url: \"${REDIS_URL}\"\n"
      "  ttl: 3600\n"
      "  snapshot_interval: 60\n");
  INFO(options.status());
  REQUIRE(options.ok());
  CHECK(options->directory.empty());
  CHECK(ExpandVariables(options->repository, nullptr).value() ==
        "redis://agent:hunt$er2@db.example/0");
  CHECK(options->durability == Durability::kProcess);
  CHECK(options->checkpoint.ttl == seconds(3600));
  CHECK(options->checkpoint.interval == seconds(60));
  const auto flow = Parse(
      "state_persistence: {adapter: redis, redis_url: \"${REDIS_URL}\", ttl: 3600, "
      "snapshot_interval: 60}");
  REQUIRE(flow.ok());
  CHECK(flow->repository == options->repository);
  CHECK(flow->checkpoint.ttl == seconds(3600));
}

TEST_CASE(
    "S1-4: A host that is configured so keeps its state in Redis, and a ttl that is too short is "
    "refused") {
  const char* server = std::getenv("DR_TEST_REDIS");
  INFO("scripts/servers start; set -a; source build/servers/env");
  REQUIRE(server != nullptr);
  const VariableLookup variables = [&](std::string_view name) -> std::optional<std::string> {
    if (name != "REDIS_URL") return std::nullopt;
    return fmt::format("{}?namespace=config-{}", server, getpid());
  };
  const auto configured = [&](int ttl) {
    auto options = ParseHostOptions(
        fmt::format("state_persistence: {{adapter: redis, redis_url: \"${{REDIS_URL}}\", ttl: {}, "
                    "snapshot_interval: 60}}",
                    ttl),
        "agent.yaml", variables);
    REQUIRE(options.ok());
    return *std::move(options);
  };
  const AdapterRegistry adapters = LinkedAdapters();
  for (std::uint64_t life : {1, 2}) {
    test::Counters counters;
    HostOptions options = configured(3600);
    options.components = {&counters};
    auto host = Host::Open(std::move(options), adapters);
    INFO(host.status());
    REQUIRE(host.ok());
    REQUIRE(counters.Add("x").ok());
    CHECK(counters.Count("x") == life);
    REQUIRE((*host)->Shutdown().ok());
  }
  CHECK_THAT(std::string(Host::Open(configured(90), adapters).status().message()),
             Catch::Contains("checkpoint.ttl is 90"));
}

TEST_CASE("Every store is configured alike, by url or by a key of its own") {
  for (std::string_view uri :
       {"redis://h/0", "rediss://h/0", "postgres://u@h/d", "postgresql://u@h/d", "s3://bucket/p",
        "rocksdb:///var/lib/x", "file:///var/lib/x"}) {
    const std::string_view scheme = uri.substr(0, uri.find(':'));
    const std::string_view adapter = scheme == "rediss"       ? "redis"
                                     : scheme == "postgresql" ? "postgres"
                                                              : scheme;
    for (const std::string& key : {std::string("url"), fmt::format("{}_url", adapter)}) {
      const auto options = ParseSettings(fmt::format("adapter: {}\n{}: {}", adapter, key, uri));
      INFO(options.status());
      REQUIRE(options.ok());
      CHECK(options->repository == uri);
      CHECK(options->checkpoint.ttl == nanoseconds(0));
      CHECK(options->checkpoint.interval == CheckpointPolicy().interval);
    }
  }
}

TEST_CASE("A local host is configured with all that it takes, and runs") {
  TempDirectory temp;
  const auto options =
      ParseSettings(fmt::format("directory: {}\ndurability: process\nsnapshot_interval: 0\n"
                                "snapshot_on_shutdown: false\nsnapshots_kept: 5\nttl: 0",
                                temp / "agent"));
  INFO(options.status());
  REQUIRE(options.ok());
  CHECK(options->directory == temp / "agent");
  CHECK(options->repository.empty());
  CHECK(options->durability == Durability::kProcess);
  CHECK(options->checkpoint.interval == nanoseconds(0));
  CHECK_FALSE(options->checkpoint.on_shutdown);
  CHECK(options->checkpoint.keep == 5);
  CHECK(Host::Open(*options, {}).ok());
  const auto least = ParseSettings("directory: agent");
  REQUIRE(least.ok());
  CHECK(least->durability == Durability::kLocal);
  CHECK(least->checkpoint.on_shutdown);
}

TEST_CASE("Times are whole seconds or have a unit that means one thing") {
  const std::pair<std::string_view, nanoseconds> good[] = {
      {"0", seconds(0)},
      {"90", seconds(90)},
      {"'90'", seconds(90)},
      {"250ms", std::chrono::milliseconds(250)},
      {"90s", seconds(90)},
      {"5min", std::chrono::minutes(5)},
      {"12h", std::chrono::hours(12)},
      {"30d", std::chrono::hours(720)},
      {"${TTL}", seconds(7200)},
      {"${NO:-60}s", seconds(60)},
  };
  for (const auto& [text, time] : good) {
    INFO(text);
    const auto options = ParseSettings(fmt::format("directory: a\nttl: {}", text));
    REQUIRE(options.ok());
    CHECK(options->checkpoint.ttl == time);
  }
  for (std::string_view text :
       {"''", "-1", "+1", "1.5", "1e3", "0x10", "5m", "5 s", "1 000", "s", "5S", "5sec", "true",
        "9223372036854775807", "99999999999999999999", "36501d", "\"1\\0\"", "${EVIL}"}) {
    INFO(text);
    CHECK_FALSE(ParseSettings(fmt::format("directory: a\nttl: {}", text)).ok());
  }
}

TEST_CASE("What is wrong is named by file, line, column and key, with what is known") {
  struct Row {
    std::string_view settings, place, what, next;
  };
  const Row rows[] = {
      {"directory: a\ntttl: 3", "agent.yaml:3:3: tttl", "not known",
       "use adapter, url, <adapter>_url, directory, durability, segment_bytes, snapshot_interval, "
       "snapshot_on_shutdown, snapshots_kept, ttl"},
      {"adapter: redis\ns3_url: hunter2", "agent.yaml:3:3: s3_url", "not known",
       "use adapter, url, redis_url, directory"},
      {"directory: a\nttl: 3\nttl: 4", "agent.yaml:4:3", "the key ttl is given twice", "remove"},
      {"directory: a\nttl:", "agent.yaml:3:3: ttl", "no value", "give one"},
      {"directory: a\nttl: ~", "agent.yaml:3:3: ttl", "no value", "give one"},
      {"directory: a\nttl: [hunter2]", "agent.yaml:3:3: ttl", "a list", "plain value"},
      {"directory: a\nttl: {hunter2: 1}", "agent.yaml:3:3: ttl", "a map", "plain value"},
      {"directory: a\nttl: !!int 7", "agent.yaml:3:3: ttl", "tagged", "plain value"},
      {"directory: a\nttl: hunter2", "agent.yaml:3:3: ttl", "cannot be that", "give whole seconds"},
      {"directory: ''", "agent.yaml:2:3: directory", "cannot be that", "give the path"},
      {"directory: a\ndurability: remote", "agent.yaml:3:3: durability", "cannot be",
       "local or process"},
      {"directory: a\nsnapshot_on_shutdown: yes", "agent.yaml:3:3: snapshot_on_shutdown",
       "cannot be that", "true or false"},
      {"directory: a\nsnapshots_kept: 0", "agent.yaml:3:3: snapshots_kept", "cannot be", "from 1"},
      {"directory: a\nsnapshots_kept: 4294967296", "agent.yaml:3:3: snapshots_kept", "cannot be",
       "from 1"},
      {"ttl: 3", "agent.yaml", "nothing says where", "add adapter"},
      {"adapter: redis", "agent.yaml:2:3: adapter", "without a URI", "add redis_url"},
      {"adapter: ''\nurl: redis://hunter2@h", "agent.yaml:2:3: adapter", "no scheme",
       "write redis"},
      {"url: redis://hunter2@h", "agent.yaml:2:3: url", "without an adapter", "add adapter"},
      {"adapter: redis\nurl: redis://h\nredis_url: redis://hunter2@h", "agent.yaml:4:3: redis_url",
       "given twice", "remove one"},
      {"adapter: redis\nurl: s3://hunter2", "agent.yaml:3:3: url", "not that of the adapter",
       "change one"},
      {"adapter: redis\nurl: redis://u:hunter2:x@h", "agent.yaml:3:3: url, offset 10", "':'",
       "write scheme"},
      {"adapter: redis\nredis_url: redis://u:hunter2@${HOST}", "agent.yaml:3:3: redis_url, offset",
       "HOST is not set", "set it"},
      {"adapter: redis\nredis_url: $hunter2", "agent.yaml:3:3: redis_url, offset 0",
       "begins no variable", "$$"},
      {"? [hunter2]\n: 3", "agent.yaml:2:5", "a key is no text", "key: value"},
      {"'redis://u:hunter2@h': 3", "agent.yaml:2:3", "not known", "use adapter"},
  };
  for (const Row& row : rows) {
    INFO(row.settings);
    const absl::Status status = ParseSettings(row.settings).status();
    CHECK(absl::IsInvalidArgument(status));
    const std::string message(status.message());
    CHECK_THAT(message, Catch::Contains(fmt::format("[{}", row.place)));
    CHECK_THAT(message, Catch::Contains(std::string(row.what)));
    CHECK_THAT(message, Catch::Contains(std::string(row.next)));
    CHECK_THAT(message, !Catch::Contains("hunter2"));
  }
}

TEST_CASE("the size of the log's files can be given and is what the log can have (K33)") {
  CHECK(ParseSettings("directory: a")->log.segment_bytes == 0);
  CHECK(ParseSettings("directory: a\nsegment_bytes: 1048576")->log.segment_bytes == 1 << 20);
  for (const char* value : {"65535", "4096", "70000", "1MB", "-4096"}) {
    const absl::Status refused =
        ParseSettings(fmt::format("directory: a\nsegment_bytes: {}", value)).status();
    CHECK(absl::IsInvalidArgument(refused));
    CHECK_THAT(std::string(refused.message()), Catch::Contains("a multiple of 4096"));
  }
}

TEST_CASE("The file has its section, once, and nothing beside it") {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"", "agent.yaml]"},
      {"# nothing", "agent.yaml]"},
      {"{}", "agent.yaml]"},
      {"text", "agent.yaml:1:1]"},
      {"- state_persistence", "agent.yaml:1:1]"},
      {"state_persistence: 3", "agent.yaml:1:20]"},
      {"state_persistence:", "[agent.yaml"},
      {"state_persistance: {directory: a}", "agent.yaml:1:1]"},
      {"state_persistence: {directory: a}\nother: 3", "agent.yaml:2:1]"},
      {"state_persistence: {directory: a}\nstate_persistence: {directory: b}", "agent.yaml:2:1]"},
      {"state_persistence: {directory: a}\n---\nstate_persistence: {directory: b}", "agent.yaml"},
      {"{state_persistence: {directory: a}}\nttl: 3", "agent.yaml:2:1]"},
      {",s:NO:O", "agent.yaml:1:1"},
      {"state_persistence: {directory: a", "agent.yaml:1:"},
      {"state_persistence: *hunter2", "agent.yaml:1:20]"},
      {"state_persistence:\n\t- \"\\hunter2\"", "agent.yaml:2:"},
      {"state_persistence: {<<: {directory: a}}", "agent.yaml:1:21"},
  };
  for (const auto& [text, place] : rows) {
    INFO(text);
    const absl::Status status = Parse(text).status();
    CHECK(absl::IsInvalidArgument(status));
    CHECK_THAT(std::string(status.message()), Catch::Contains(std::string(place)));
    CHECK_THAT(std::string(status.message()), !Catch::Contains("hunter2"));
  }
}

TEST_CASE("A value can be written once and used again, as YAML has it") {
  const auto options = ParseSettings("directory: a\nsnapshot_interval: &time 60\nttl: *time");
  INFO(options.status());
  REQUIRE(options.ok());
  CHECK(options->checkpoint.ttl == seconds(60));
}

TEST_CASE("F6: Depth, length and cycles of a configuration end somewhere") {
  CHECK(absl::IsInvalidArgument(Parse(std::string(60'000, '[')).status()));
  CHECK(absl::IsInvalidArgument(Parse(std::string(60'000, '{')).status()));
  CHECK(absl::IsInvalidArgument(Parse(std::string(65'537, ' ')).status()));
  CHECK(absl::IsInvalidArgument(Parse("state_persistence: &a {url: *a}").status()));
  CHECK(absl::IsInvalidArgument(Parse("&a [*a, *a]").status()));
}

TEST_CASE("A file is read, and named in what is wrong with it") {
  TempDirectory temp;
  const std::string path = temp / "agent.yaml";
  CHECK(absl::IsNotFound(LoadHostOptions(path).status()));
  std::ofstream(path) << "state_persistence: {directory: \"${AGENT_DIRECTORY:-agent}\"}\n";
  auto options = LoadHostOptions(path);
  INFO(options.status());
  REQUIRE(options.ok());
  CHECK(options->directory == "agent");
  PosixFileSystem files;
  options = LoadHostOptions(path, &files, [](std::string_view) { return "/var/lib/agent"; });
  REQUIRE(options.ok());
  CHECK(options->directory == "/var/lib/agent");
  std::ofstream(path) << "state_persistence:\n  ttl: x";
  CHECK_THAT(std::string(LoadHostOptions(path).status().message()), Catch::Contains(path));
  std::ofstream(path) << std::string(70'000, '#');
  CHECK_THAT(std::string(LoadHostOptions(path).status().message()), Catch::Contains("64 KiB"));
}

}  // namespace
}  // namespace dr::test
