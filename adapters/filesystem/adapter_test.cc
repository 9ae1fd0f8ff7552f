#include <catch2/catch.hpp>

#include "dr/adapters/filesystem.h"
#include "dr/status.h"
#include "tests/support/machine.h"
#include "tests/support/temp_directory.h"

namespace dr {
namespace {

TEST_CASE("A file URI opens a directory, and makes those that are missing") {
  test::TempDirectory temp;
  test::Machine machine;
  AdapterRegistry registry;
  REQUIRE(RegisterFilesystem(registry).ok());
  for (int time = 0; time < 2; ++time) {
    auto store = registry.Open("file://" + temp / "deep/store", machine.environment);
    REQUIRE(store.ok());
    CHECK((*store)->Get("a", {}).ok() == (time == 1));
    CHECK((*store)->Put("a", "1", {}, {}).ok());
  }
}

TEST_CASE("What is more than a path is refused by name") {
  test::Machine machine;
  const AdapterRegistry registry = LinkedAdapters();
  for (const char* uri : {"file://host/path", "file://user@host/path", "file:///path?mode=0644"}) {
    INFO(uri);
    CHECK(absl::IsInvalidArgument(registry.Open(uri, machine.environment).status()));
  }
}

}  // namespace
}  // namespace dr
