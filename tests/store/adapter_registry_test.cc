#include "dr/adapter/adapter_registry.h"

#include <stdlib.h>

#include <catch2/catch.hpp>

#include "dr/adapter/memory_store.h"
#include "dr/status.h"
#include "fmt/format.h"

namespace dr {
namespace {

absl::StatusOr<std::unique_ptr<StateAdapter>> OpenMemory(const Uri& uri, const AdapterEnvironment&,
                                                         const Context&) {
  if (uri.path == "/refused") return absl::UnavailableError("refused");
  return std::make_unique<MemoryStore>();
}

TEST_CASE("A registered scheme opens, whatever its case in the URI") {
  AdapterRegistry adapters;
  REQUIRE(adapters.Register("mem", OpenMemory).ok());
  CHECK(adapters.Open("mem:///x", {}).ok());
  CHECK(adapters.Open("MEM://host/x", {}).ok());
  CHECK(absl::IsUnavailable(adapters.Open("mem:///refused", {}).status()));
  const AdapterRegistry copy = adapters;
  CHECK(copy.Open("mem:///x", {}).ok());
}

TEST_CASE("An unknown scheme is refused, naming the known and no secret") {
  AdapterRegistry adapters;
  const absl::Status none = adapters.Open("redis://u:s3cret@host/0", {}).status();
  CHECK(absl::IsUnimplemented(none));
  REQUIRE(adapters.Register("mem", OpenMemory).ok());
  REQUIRE(adapters.Register("file", OpenMemory).ok());
  const std::string text =
      adapters.Open("redis://u:s3cret@host/0?token=abc", {}).status().ToString();
  CHECK_THAT(text, Catch::Contains("file, mem") && Catch::Contains("redis"));
  CHECK_THAT(text, !Catch::Contains("s3cret") && !Catch::Contains("abc"));
}

TEST_CASE("What is no URI is refused without showing it") {
  const absl::Status status = AdapterRegistry().Open("s3cret word", {}).status();
  CHECK(absl::IsInvalidArgument(status));
  CHECK_THAT(status.ToString(), !Catch::Contains("s3cret"));
}

TEST_CASE(
    "Variables are replaced before the scheme is looked for, by the process's or by those given") {
  AdapterRegistry adapters;
  REQUIRE(adapters.Register("mem", OpenMemory).ok());
  const AdapterEnvironment given{.variables = [](std::string_view name) {
    return name == "STORE" ? std::optional<std::string>("mem:///x") : std::nullopt;
  }};
  CHECK(adapters.Open("${STORE}", given).ok());
  CHECK(adapters.Open("${NO:-${STORE}}", given).ok());
  const absl::Status status = adapters.Open("mem://u:s3cret@h/${NO}", given).status();
  CHECK(absl::IsInvalidArgument(status));
  CHECK_THAT(status.ToString(), Catch::Contains("NO is not set") && !Catch::Contains("s3cret"));
  CHECK(absl::IsInvalidArgument(adapters.Open("${STORE}", {}).status()));
  setenv("DR_REGISTRY_TEST", "mem:///y", 1);
  CHECK(adapters.Open("${DR_REGISTRY_TEST}", {}).ok());
  unsetenv("DR_REGISTRY_TEST");
}

TEST_CASE("Every adapter refuses options that it does not know, and names those it does") {
  const AdapterRegistry adapters = LinkedAdapters();
  PosixFileSystem files;
  SystemClock clock;
  SystemRandom random;
  const AdapterEnvironment environment{&files, &clock, &random};
  struct Row {
    std::string_view uri, known;
  };
  const Row rows[] = {
      {"file:///nowhere/store", "remove it"},
      {"postgres://user@localhost:1/database", "host, namespace, schema"},
      {"postgresql://user@localhost:1/database", "host, namespace, schema"},
      {"redis://localhost:1/0", "namespace, timeout_ms"},
      {"redis+cluster://localhost:1/0", "namespace, timeout_ms"},
      {"redis+sentinel://localhost:1/name", "namespace, timeout_ms"},
      {"rediss://localhost:1/0", "namespace, timeout_ms"},
      {"rediss+cluster://localhost:1/0", "namespace, timeout_ms"},
      {"rediss+sentinel://localhost:1/name", "namespace, timeout_ms"},
      {"rocksdb:///nowhere/store", "namespace, torn_tail"},
      {"s3://bucket/prefix", "endpoint, region"},
  };
  std::vector<std::string> tried;
  for (const Row& row : rows) {
    INFO(row.uri);
    tried.emplace_back(row.uri.substr(0, row.uri.find(':')));
    const absl::Status status =
        adapters.Open(fmt::format("{}?nonsense=s3cret", row.uri), environment).status();
    CHECK(absl::IsInvalidArgument(status));
    CHECK_THAT(status.ToString(), Catch::Contains("parameter nonsense is not known") &&
                                      Catch::Contains(std::string(row.known)) &&
                                      !Catch::Contains("s3cret"));
  }
  CHECK(adapters.Schemes() == tried);
}

TEST_CASE("A scheme is registered once, in lower case, with something to open it") {
  AdapterRegistry adapters;
  REQUIRE(adapters.Register("mem", OpenMemory).ok());
  CHECK(absl::IsAlreadyExists(adapters.Register("mem", OpenMemory)));
  CHECK(absl::IsInvalidArgument(adapters.Register("S3", OpenMemory)));
  CHECK(absl::IsInvalidArgument(adapters.Register("", OpenMemory)));
  CHECK(absl::IsInvalidArgument(adapters.Register("a b", OpenMemory)));
  CHECK(absl::IsInvalidArgument(adapters.Register("s3", nullptr)));
}

}  // namespace
}  // namespace dr
