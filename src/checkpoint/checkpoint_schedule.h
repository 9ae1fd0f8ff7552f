// When the next checkpoint is due by policy, and what became of the earlier ones.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "dr/checkpoint.h"
#include "dr/clock.h"
#include "dr/mutex.h"
#include "src/base/recent_durations.h"

namespace dr::inline v0 {

struct CheckpointFigures {
  std::uint64_t taken = 0, failed = 0;
  Position newest = {};
  std::optional<std::chrono::nanoseconds> age = {};  ///< of the newest; nullopt: there is none
  RecentDurations::Quantiles pauses = {};
};

/// Thread-safe.
class CheckpointSchedule {
 public:
  /// Where a log stands.
  struct LogEnd {
    Lsn last = {};
    std::uint64_t bytes = 0;  ///< logged, replay included
  };

  CheckpointSchedule(const CheckpointPolicy& policy, const Clock& clock)
      : policy_(policy), clock_(clock) {}

  /// Called once: goes on from the checkpoint at `position`, if there is one. State was, or should
  /// have been, saved `age` ago, by a clock that may have been set since.
  void Begin(std::optional<Position> position, std::chrono::nanoseconds age);

  /// When the next checkpoint is due, which may be in the past; "never" means not before something
  /// changes. `anyway` says how long after the last attempt one is due even if nothing has changed.
  Instant Next(LogEnd log, std::optional<std::chrono::nanoseconds> anyway) const;

  /// A checkpoint was tried; unless it failed, it covers the log up to `log`.
  void Tried(LogEnd log);
  void Count(const absl::StatusOr<CheckpointInfo>& info);
  CheckpointFigures figures() const;

 private:
  const CheckpointPolicy policy_;
  const Clock& clock_;
  mutable Mutex mutex_;
  Instant tried_at_ ABSL_GUARDED_BY(mutex_);
  LogEnd tried_ ABSL_GUARDED_BY(mutex_);
  std::optional<Position> newest_ ABSL_GUARDED_BY(mutex_);
  Instant newest_at_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t failures_ ABSL_GUARDED_BY(mutex_) = 0;
  RecentDurations pauses_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
