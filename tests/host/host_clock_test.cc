// Wall clocks that are wrong, and what becomes of the times of operations.

#include <catch2/catch.hpp>

#include "dr/adapter/memory_store.h"
#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_file_system.h"
#include "tests/host/borrowed_registry.h"
#include "tests/host/counter_component.h"
#include "tests/host/recording.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

const absl::Duration kDecade = absl::Hours(24 * 3653);

/// One life of a host on a disk, or on a store where there is none.
struct Life {
  Life(SimFileSystem& disk, const SimClock& clock, bool trust_clock = false) {
    HostOptions options;
    options.directory = "/state";
    options.components = {&counters};
    options.environment = {.files = &disk, .clock = &clock, .observer = &events};
    options.log = {.segment_bytes = 64 << 10, .group_bytes = 8 << 10, .ring_capacity = 8};
    options.checkpoint.on_shutdown = false;
    options.recovery.trust_clock = trust_clock;
    host = Value(Host::Open(std::move(options), {}));
    counters.applied.clear();
  }
  /// The time that one more operation gets.
  absl::Time Add() {
    REQUIRE_OK(counters.Add("a"));
    const std::string& line = counters.applied.back();
    return absl::FromUnixNanos(std::stoll(line.substr(line.find(' '))));
  }

  Recording events;
  Counters counters;
  std::unique_ptr<Host> host;
};

TEST_CASE("one start with a clock ten years ahead leaves no mark on later times (K65)") {
  SimFileSystem disk;
  SimClock clock;
  const absl::Time begin = clock.WallTime();
  { CHECK(Life(disk, clock).Add() == begin); }
  clock.Advance(std::chrono::hours(1));
  clock.JumpWall(kDecade);
  {
    Life life(disk, clock);
    CHECK(life.Add() < begin + absl::Hours(2));
    CHECK(life.host->figures().time_ahead < -std::chrono::hours(24 * 3650));
    REQUIRE(life.events.Of(EventKind::kClockApart).size() == 1);
    CHECK(life.events.Of(EventKind::kClockApart)[0].duration.count() < 0);
  }
  clock.JumpWall(-kDecade);
  Life life(disk, clock);
  CHECK(life.Add() == begin + absl::Hours(1));
  CHECK(life.host->figures().time_ahead == std::chrono::nanoseconds(0));
  CHECK(life.events.Of(EventKind::kClockApart).empty());
}

TEST_CASE("a wall clock that leaps ahead is believed when that has lasted (K65)") {
  SimFileSystem disk;
  SimClock clock;
  const absl::Time begin = clock.WallTime();
  Life life(disk, clock);
  CHECK(life.Add() == begin);
  clock.JumpWall(kDecade);
  clock.Advance(std::chrono::seconds(1));
  CHECK(life.Add() == begin + absl::Seconds(1));
  REQUIRE_OK(life.host->Step());
  CHECK(life.events.Of(EventKind::kClockApart).size() == 1);
  clock.Advance(std::chrono::minutes(9));
  CHECK(life.Add() == begin + absl::Seconds(541));
  SECTION("it lasts") {
    clock.Advance(std::chrono::minutes(1));
    CHECK(life.Add() == begin + kDecade + absl::Seconds(601));
    CHECK(life.host->figures().time_ahead == std::chrono::nanoseconds(0));
  }
  SECTION("it was a mistake") {
    clock.JumpWall(-kDecade);
    clock.Advance(std::chrono::minutes(20));
    CHECK(life.Add() == begin + absl::Seconds(541 + 1200));
    REQUIRE_OK(life.host->Step());
    CHECK(life.host->figures().time_ahead == std::chrono::nanoseconds(0));
  }
  CHECK(life.events.Of(EventKind::kClockApart).size() == 1);
}

TEST_CASE("small leaps and long rests of a log are believed at once (K65)") {
  SimFileSystem disk;
  SimClock clock;
  {
    Life life(disk, clock);
    CHECK(life.Add() == clock.WallTime());
    for (int i = 0; i < 5; ++i) {
      clock.JumpWall(absl::Seconds(59));
      CHECK(life.Add() == clock.WallTime());
      clock.Advance(std::chrono::minutes(61));
      CHECK(life.Add() == clock.WallTime());
    }
  }
  clock.JumpWall(absl::Hours(24 * 300));  // this machine was off
  Life life(disk, clock);
  CHECK(life.Add() == clock.WallTime());
  CHECK(life.events.Of(EventKind::kClockApart).empty());
}

TEST_CASE(
    "a log that is ahead says so and goes back once where its operator trusts the clock (K65)") {
  SimFileSystem disk;
  SimClock clock;
  const absl::Time right = clock.WallTime();
  clock.JumpWall(kDecade);
  { CHECK(Life(disk, clock).Add() == right + kDecade); }
  clock.JumpWall(-kDecade);
  {
    Life life(disk, clock);
    CHECK(life.host->figures().time_ahead >= absl::ToChronoNanoseconds(kDecade));
    REQUIRE(life.events.Of(EventKind::kClockApart).size() == 1);
    CHECK(life.events.Of(EventKind::kClockApart)[0].duration.count() > 0);
    CHECK(life.Add() == right + kDecade);
    clock.Advance(std::chrono::minutes(10));
    CHECK(life.Add() == right + kDecade + absl::Minutes(5));
  }
  // What was recorded above the last evidence is copied at this opening, with the times it had.
  std::unique_ptr<SimFileSystem> after;
  {
    Life life(disk, clock, true);
    CHECK(life.host->figures().time_ahead <= std::chrono::nanoseconds(0));
    CHECK(life.events.Of(EventKind::kClockApart).empty());
    if (GENERATE(false, true)) CHECK(life.Add() == clock.WallTime());
    after = disk.AfterPowerCut();
  }
  Life life(*after, clock);
  CHECK(life.Add() == right + absl::Minutes(10));
  CHECK(life.host->figures().time_ahead == std::chrono::nanoseconds(0));
}

TEST_CASE("a clock ten years ahead is not believed where there is no directory either (K65)") {
  SimClock clock;
  MemoryStore memory(1 << 20, clock);
  const absl::Time begin = clock.WallTime();
  const auto add = [&](bool trust_clock) {
    Counters counters;
    auto host = Value(Host::Open({.repository = kBorrowed,
                                  .components = {&counters},
                                  .durability = Durability::kProcess,
                                  .recovery = {.trust_clock = trust_clock},
                                  .environment = {.clock = &clock}},
                                 Borrowed(memory)));
    REQUIRE_OK(counters.Add("a"));
    const std::string& line = counters.applied.back();
    return absl::FromUnixNanos(std::stoll(line.substr(line.find(' '))));
  };
  CHECK(add(false) == begin);
  clock.JumpWall(kDecade);
  CHECK(add(false) == begin);
  CHECK(add(true) == begin + kDecade);
}

}  // namespace
}  // namespace dr::test
