#include "src/component/callers.h"

#include <catch2/catch.hpp>

#include "tests/component/fake_log.h"
#include "tests/component/gate.h"

namespace dr::test {
namespace {

TEST_CASE("Callers are let in between Open and Close, and counted until they leave in any case") {
  Callers callers;
  CHECK_FALSE(callers.Enter());
  callers.Open();
  CHECK(callers.Enter());
  callers.Close();
  CHECK_FALSE(callers.Enter());
  CHECK(callers.count() == 3);
  for (int i = 0; i < 3; ++i) callers.Leave();
  CHECK(callers.count() == 0);
}

TEST_CASE("Callers inside are awaited until the last has left, or the context ends") {
  const SystemClock clock;
  Callers callers;
  callers.Open();
  REQUIRE(callers.Enter());
  REQUIRE(callers.Enter());
  callers.Close();
  CHECK(absl::IsDeadlineExceeded(callers.AwaitEmpty(AtOnce(), clock, "callers")));
  auto waiting = Elsewhere([&] { return callers.AwaitEmpty({}, clock, "callers"); });
  callers.Leave();
  CHECK(absl::IsDeadlineExceeded(callers.AwaitEmpty(AtOnce(), clock, "callers")));
  callers.Leave();
  CHECK(InTime(waiting).ok());
}

}  // namespace
}  // namespace dr::test
