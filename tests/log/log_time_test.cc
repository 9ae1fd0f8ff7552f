// Times at the ends of what an integer holds: from a damaged disk, or a clock that was never set.

#include "src/log/log_time.h"

#include <catch2/catch.hpp>
#include <limits>

#include "dr/testing/sim_clock.h"

namespace dr::test {
namespace {

TEST_CASE(
    "recorded times never decrease, whatever was recorded and whatever the clock says (K65)") {
  using Limits = std::numeric_limits<std::int64_t>;
  const auto trust = GENERATE(LogTime::Trust::kTimes, LogTime::Trust::kClock);
  const auto wall = GENERATE(absl::InfinitePast(), absl::UnixEpoch(),
                             absl::FromUnixNanos(Limits::max()) - absl::Hours(1));
  const auto last = GENERATE(Limits::min(), std::int64_t{-1}, std::int64_t{0}, Limits::max());
  SimClock clock(wall);
  LogTime time(clock, last, trust);
  std::int64_t newest = time.last_ns();
  for (const std::int64_t at : {std::int64_t{0}, Limits::max(), Limits::min(), std::int64_t{1}}) {
    clock.Advance(std::chrono::seconds(1));
    const std::int64_t recorded = time.Record(at);
    INFO("ahead " << time.ahead().count());
    CHECK(recorded >= newest);
    CHECK(recorded == time.last_ns());
    newest = recorded;
  }
}

}  // namespace
}  // namespace dr::test
