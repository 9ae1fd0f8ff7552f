// What records are timed with: by each log, and at the ends of what an integer holds (from a damaged
// disk, or a clock that was never set).

#include "src/log/log_time.h"

#include <catch2/catch.hpp>
#include <limits>

#include "dr/testing/sim_clock.h"
#include "src/log/unlogged_sink.h"
#include "tests/log/log_fixture.h"

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
    const std::int64_t recorded = time.Record(at, time.wall_ns());
    INFO("ahead " << time.ahead().count());
    CHECK(recorded >= newest);
    CHECK(recorded == time.last_ns());
    newest = recorded;
  }
}

/// Stages one record of the time `at`, or of none (0), and returns what it got.
std::int64_t TimeOfOne(OperationLog& log, std::int64_t at) {
  LogEntry entry;
  entry.record.component = "c";
  entry.record.time_ns = at;
  REQUIRE_OK(log.Stage(Value(log.Append(entry))));
  return entry.record.time_ns;
}

void CheckTimes(OperationLog& log, SimClock& clock) {
  const auto wall_ns = [&] { return absl::ToUnixNanos(clock.WallTime()); };
  for (int hour = 0; hour < 3; ++hour) {
    clock.Advance(std::chrono::hours(1));
    CHECK(TimeOfOne(log, 0) == wall_ns());
    CHECK(TimeOfOne(log, wall_ns() + 7) == wall_ns() + 7);
    CHECK(TimeOfOne(log, 1) == wall_ns() + 7);
  }
}

TEST_CASE(
    "a record without a time has that of its staging, another its own unless that goes back") {
  SimClock clock;
  SystemRandom random;
  SECTION("in a log on a disk") {
    const TempDirectory place;
    PosixFileSystem files;
    const auto directory = Value(files.OpenDirectory(place.path(), Create::kNever));
    OpenLog log = Value(TryOpen(*directory, clock, random));
    CheckTimes(*log.log, clock);
  }
  SECTION("in one that keeps nothing") {
    UnloggedSink sink(clock, {}, LogTime(clock, 0, LogTime::Trust::kTimes));
    OperationLog log(sink, {.capacity = 8});
    CheckTimes(log, clock);
  }
}

}  // namespace
}  // namespace dr::test
