// Time, injected: production reads the machine's clocks, and tests turn the hands themselves.
//
//   dr::SystemClock clock;
//   dr::Instant deadline = clock.Now() + std::chrono::milliseconds(50);
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>
#include <stop_token>

#include "absl/time/time.h"
#include "dr/export.h"
#include "dr/mutex.h"

namespace dr::inline v0 {

/// A point in time by a clock that never jumps and that counts suspended time too (CLOCK_BOOTTIME).
/// Comparable only within one boot of one machine; never stored. The default is "never".
class Instant {
 public:
  constexpr Instant() = default;
  /// Later than every other instant.
  static constexpr Instant Never() { return {}; }
  /// `ns` since the clock's own beginning, which is not a date.
  static constexpr Instant FromNanoseconds(std::int64_t ns) { return Instant(ns); }
  /// Since the clock's beginning; the largest number for "never".
  constexpr std::int64_t nanoseconds() const { return ns_; }
  /// True for a deadline that never comes.
  constexpr bool is_never() const { return ns_ == kNever; }

  friend constexpr auto operator<=>(const Instant&, const Instant&) = default;
  /// "Never" plus anything is "never"; a sum past the end saturates there.
  friend constexpr Instant operator+(Instant at, std::chrono::nanoseconds by) {
    if (at.is_never() || (by.count() > 0 && at.ns_ > kNever - by.count())) return Never();
    return Instant(at.ns_ + by.count());
  }
  /// The time from `b` to `a`; neither is "never".
  friend constexpr std::chrono::nanoseconds operator-(Instant a, Instant b) {
    return std::chrono::nanoseconds(a.ns_ - b.ns_);
  }

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  constexpr explicit Instant(std::int64_t ns) : ns_(ns) {}
  std::int64_t ns_ = kNever;
};

/// Both clocks a runtime needs. Thread-safe.
class DR_EXPORT Clock {
 public:
  virtual ~Clock() = default;
  /// For deadlines and intervals.
  virtual Instant Now() const = 0;
  /// For the time recorded with an operation. May jump; dr keeps what it records monotone.
  virtual absl::Time WallTime() const = 0;
  /// Returns when Now() has reached `at`, or a stop is requested.
  virtual void SleepUntil(Instant at, const std::stop_token& stop) const;
  /// Waits for a notification of `changed`, at the longest until Now() has reached `until`. May
  /// return spuriously. The default looks at the clock every 10 ms, because a test may turn its
  /// hands.
  virtual void Wait(CondVar& changed, Mutex& mutex, Instant until) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
};

/// The machine's clocks.
class DR_EXPORT SystemClock final : public Clock {
 public:
  Instant Now() const override;
  absl::Time WallTime() const override;
  void Wait(CondVar& changed, Mutex& mutex, Instant until) const override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
};

}  // namespace dr::inline v0
