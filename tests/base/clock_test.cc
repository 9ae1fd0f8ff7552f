#include "dr/clock.h"

#include "absl/time/clock.h"
#include "catch2/catch.hpp"

namespace {

using dr::Instant;
using std::chrono::nanoseconds;

TEST_CASE("The system clock never goes back, and its wall time is the machine's") {
  dr::SystemClock clock;
  Instant last = clock.Now();
  CHECK_FALSE(last.is_never());
  for (int i = 0; i < 1000; ++i) {
    const Instant now = clock.Now();
    REQUIRE(now >= last);
    last = now;
  }
  const absl::Time before = absl::Now() - absl::Seconds(1);
  CHECK(clock.WallTime() > before);
}

TEST_CASE("Never stays never, and sums past the end saturate there") {
  CHECK(Instant().is_never());
  CHECK((Instant::Never() + nanoseconds(-5)).is_never());
  CHECK((Instant::FromNanoseconds(10) + nanoseconds::max()).is_never());
  CHECK(Instant::FromNanoseconds(10) + nanoseconds(5) == Instant::FromNanoseconds(15));
  CHECK(Instant::FromNanoseconds(10) < Instant::Never());
  CHECK(Instant::FromNanoseconds(10) - Instant::FromNanoseconds(4) == nanoseconds(6));
}

}  // namespace
