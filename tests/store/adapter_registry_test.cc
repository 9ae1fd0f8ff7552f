#include "dr/adapter_registry.h"

#include <catch2/catch.hpp>

#include "dr/memory_store.h"
#include "dr/status.h"

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
