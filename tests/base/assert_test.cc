// Assertions are on in every build, and say where.

#include "src/base/assert.h"

#include <catch2/catch.hpp>

#include "tests/support/fails_assertion.h"

namespace dr::test {
namespace {

TEST_CASE("an assertion that holds does nothing, and one that does not ends the process by name") {
  int evaluated = 0;
  DR_ASSERT(++evaluated == 1);
  CHECK(evaluated == 1);
  CHECK(FailsAssertion("assert_test.cc", [&] { DR_ASSERT(evaluated == 7); }));
  CHECK(FailsAssertion("evaluated == 7", [&] { DR_ASSERT(evaluated == 7); }));
  CHECK_FALSE(FailsAssertion("evaluated == 1", [&] { DR_ASSERT(evaluated == 1); }));
}

}  // namespace
}  // namespace dr::test
