#include "dr/adapters/filesystem.h"

#include <catch2/catch.hpp>

#include "dr/status.h"
#include "dr/testing/adapter_cases.h"
#include "tests/temp_directory.h"

namespace dr {
namespace {

struct Machine {
  PosixFileSystem files;
  SystemClock clock;
  SystemRandom random;
  AdapterEnvironment environment{&files, &clock, &random};
};

TEST_CASE("A file URI opens a directory that passes every case", "[conformance]") {
  testing::TempDirectory temp;
  Machine machine;
  AdapterRegistry registry;
  REQUIRE(RegisterFilesystem(registry).ok());
  auto store = registry.Open("file://" + temp / "deep/store", machine.environment);
  REQUIRE(store.ok());
  int ran = 0;
  for (const AdapterCase& check : AdapterCases()) {
    if (!check.applies((*store)->capabilities())) continue;
    INFO(check.name);
    const absl::Status status = check.run(**store, "case/" + std::to_string(ran++) + "/");
    INFO(status.ToString());
    CHECK(status.ok());
  }
  CHECK(ran > 15);
}

TEST_CASE("What is more than a path is refused by name") {
  Machine machine;
  const AdapterRegistry registry = LinkedAdapters();
  for (const char* uri : {"file://host/path", "file://user@host/path", "file:///path?mode=0644"}) {
    INFO(uri);
    CHECK(absl::IsInvalidArgument(registry.Open(uri, machine.environment).status()));
  }
}

}  // namespace
}  // namespace dr
