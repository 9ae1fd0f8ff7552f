// Whether a log takes anything: it is well, there is no room for what it has under way, or it has
// failed for good.
//
// Preparing writes zeros, so that a group later overwrites blocks that are there. Where a file
// system allocates on overwriting (copy on write, extents shared with a copy) such a write can
// still find no room. No sync has failed then, so the log stalls instead of being poisoned: callers
// whose operations wait are told that the outcome is open, new ones that there is no room, and each
// that comes tries to write the same bytes to the same place again.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// A value; not thread-safe.
class LogHealth {
 public:
  bool well() const { return state_ == State::kWell; }
  bool stalled() const { return state_ == State::kStalled || state_ == State::kRetrying; }
  bool poisoned() const { return state_ == State::kPoisoned; }

  /// There was no room for a write.
  void Stall();
  /// False: another thread tries again already.
  bool BeginRetry();
  void EndRetry(bool room);
  /// For good. Once.
  void Poison(absl::Status why);

  /// OK, or why nothing is taken any more.
  absl::Status status() const;
  /// For a caller whose operation has its Lsn when the log is poisoned.
  absl::Status Unsettled(Lsn upto) const;
  const absl::Status& why() const { return why_; }

 private:
  enum class State : std::uint8_t { kWell, kStalled, kRetrying, kPoisoned };

  State state_ = State::kWell;
  absl::Status why_;  ///< it is poisoned
};

/// What others get from a log that is poisoned because of `why`.
absl::Status Poisoned(const absl::Status& why);
/// The operation may still happen, so nothing may tell the caller to try again.
absl::Status Ambiguous(Lsn lsn, std::string_view what);
/// A stalled log has no room for what it has under way.
absl::Status NoRoom();

}  // namespace dr::inline v0
