// The time that operations are recorded with: the wall clock's, as far as it can be believed.
#pragma once

#include <chrono>
#include <cstdint>

#include "dr/clock.h"

namespace dr::inline v0 {

/// Recorded times never decrease, so one that lies years ahead would stand for years. A wall clock
/// that leaps ahead is therefore not believed before it has lasted: until then times go on at the
/// pace of the clock that does not jump. Where the wall clock is behind, they go on at half that
/// pace until it has caught up. That a log was left alone for a year, and not for ten, is taken for
/// possible. Not thread-safe.
class LogTime {
 public:
  static constexpr std::chrono::nanoseconds kLeap = std::chrono::minutes(1);  ///< no less is one
  static constexpr std::chrono::nanoseconds kLasting = std::chrono::minutes(10);
  static constexpr std::chrono::nanoseconds kLongestRest = std::chrono::hours(24 * 366);

  enum class Trust : std::uint8_t {
    kTimes,  ///< the recorded ones: they go on, whatever the wall clock says
    kClock,  ///< the wall clock, which somebody has looked at: they go on from it
  };

  /// `last_ns` is what was recorded last; 0: nothing was. `clock` outlives it.
  LogTime(const Clock& clock, std::int64_t last_ns, Trust trust);

  /// The wall clock's own: one look serves for many calls of Record.
  std::int64_t wall_ns() const;
  /// What an event at `time_ns` is recorded with; 0: one that happens at `now_ns`, a wall_ns.
  std::int64_t Record(std::int64_t time_ns, std::int64_t now_ns);
  /// What was recorded last.
  std::int64_t last_ns() const { return last_ns_; }
  /// How far that is ahead of the wall clock. Negative: the wall clock has leapt ahead by so much.
  std::chrono::nanoseconds ahead() const;

 private:
  std::int64_t ExpectedNs() const;  ///< by the clock that does not jump
  std::int64_t Believe();
  void CatchUp();

  const Clock* clock_;
  std::int64_t last_ns_;
  std::int64_t base_ns_;  ///< believed
  Instant base_at_;       ///< then
  std::int64_t trusted_until_ns_;
  Instant leapt_at_ = {};   ///< never: it has not
  Instant behind_at_ = {};  ///< never: it is not
};

}  // namespace dr::inline v0
