#include "dr/clock.h"

#include <thread>

#include "absl/time/clock.h"
#include "catch2/catch.hpp"
#include "dr/testing/sim_clock.h"

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

TEST_CASE("Sleep lasts until its time has come") {
  dr::SystemClock clock;
  const Instant at = clock.Now() + std::chrono::milliseconds(25);
  clock.SleepUntil(at, {});
  CHECK(clock.Now() >= at);
  clock.SleepUntil(at, {});
}

TEST_CASE("Sleep ends when it is stopped, before or meanwhile") {
  dr::SystemClock clock;
  std::stop_source source;
  std::thread stopping([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    source.request_stop();
  });
  clock.SleepUntil(Instant::Never(), source.get_token());
  clock.SleepUntil(Instant::Never(), source.get_token());
  CHECK(source.stop_requested());
  stopping.join();
}

TEST_CASE("Who sleeps by a simulated clock moves it, but not back, nor when stopped") {
  dr::SimClock clock;
  const Instant start = clock.Now();
  const absl::Time wall = clock.WallTime();
  clock.SleepUntil(start + std::chrono::hours(1), {});
  CHECK(clock.Now() - start == std::chrono::hours(1));
  CHECK(clock.WallTime() - wall == absl::Hours(1));
  clock.SleepUntil(start, {});
  std::stop_source source;
  source.request_stop();
  clock.SleepUntil(Instant::Never(), source.get_token());
  clock.SleepUntil(start + std::chrono::hours(2), source.get_token());
  CHECK(clock.Now() - start == std::chrono::hours(1));
}

}  // namespace
