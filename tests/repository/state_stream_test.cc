// What a component writes its state to.

#include "dr/state_stream.h"

#include <catch2/catch.hpp>

#include "dr/status.h"
#include "tests/component/scripted_component.h"

namespace dr::test {
namespace {

TEST_CASE("P23: a record with a subject is refused while there is no store for its key") {
  Records records;
  StateWriter& out = records;
  CHECK(out.Write("plain").ok());
  const absl::Status refused = out.Write("about bob", "bob");
  CHECK(absl::IsUnimplemented(refused));
  CHECK(FaultOf(refused)->place == "bob");
  CHECK(records.records == std::vector<std::string>{"plain"});
}

TEST_CASE("No records are at their end from the start") {
  NoRecords none;
  CHECK_FALSE(none.Next().value().has_value());
}

}  // namespace
}  // namespace dr::test
