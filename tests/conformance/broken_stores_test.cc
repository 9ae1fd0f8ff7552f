// A case that was never red shows nothing.
#include "tests/conformance/broken_stores.h"

#include <catch2/catch.hpp>

#include "dr/status.h"
#include "dr/testing/adapter_cases.h"

namespace dr::test {
namespace {

absl::Status RunOn(const Bug& bug, const AdapterCase& check) {
  MemoryStore store(1 << 20);
  const std::unique_ptr<StateAdapter> client = bug.client(store);
  return check.run(
      {*client,
       [&]() -> absl::StatusOr<std::unique_ptr<StateAdapter>> { return bug.client(store); }},
      "case/");
}

TEST_CASE("Each bug is noticed by the case that is about it") {
  for (const Bug& bug : Bugs()) {
    bool found = false;
    for (const AdapterCase& check : AdapterCases()) {
      if (check.name != bug.noticed_by) continue;
      found = true;
      const absl::Status status = RunOn(bug, check);
      INFO(bug.name << ": " << status.ToString());
      CHECK_FALSE(status.ok());
    }
    INFO(bug.noticed_by);
    CHECK(found);
  }
}

}  // namespace
}  // namespace dr::test
