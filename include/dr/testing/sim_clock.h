// A clock whose hands the test turns.
//
//   dr::SimClock clock;
//   clock.Advance(std::chrono::seconds(5));
//   clock.JumpWall(-absl::Hours(24 * 3650));   // somebody set the date; Now() does not move
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stop_token>

#include "absl/time/time.h"
#include "dr/clock.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// Stands still until it is told to move or a thread sleeps by it, which moves it on at once.
/// Thread-safe.
class DR_EXPORT SimClock final : public Clock {
 public:
  /// The wall clock begins at `wall`.
  explicit SimClock(absl::Time wall = absl::FromUnixSeconds(1'700'000'000))
      : wall_ns_(absl::ToUnixNanos(wall)) {}

  Instant Now() const override { return Instant::FromNanoseconds(now_ns_); }
  absl::Time WallTime() const override { return absl::FromUnixNanos(wall_ns_); }

  void SleepUntil(Instant at, const std::stop_token& stop) const override {
    if (at.is_never() || stop.stop_requested()) return Clock::SleepUntil(at, stop);
    const std::int64_t to = at.nanoseconds();
    std::int64_t now = now_ns_;
    while (now < to && !now_ns_.compare_exchange_weak(now, to)) {
    }
    if (now < to) wall_ns_ += to - now;
  }

  /// Moves both clocks.
  void Advance(std::chrono::nanoseconds by) {
    now_ns_ += by.count();
    wall_ns_ += by.count();
  }
  /// Moves the wall clock alone, in either direction.
  void JumpWall(absl::Duration by) { wall_ns_ += absl::ToInt64Nanoseconds(by); }

 private:
  mutable std::atomic<std::int64_t> now_ns_ = 1'000'000'000;
  mutable std::atomic<std::int64_t> wall_ns_;
};

}  // namespace dr::inline v0
