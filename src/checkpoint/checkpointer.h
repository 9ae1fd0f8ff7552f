// Takes a host's checkpoints: when policy says so or somebody asks, one at a time.
#pragma once

#include <chrono>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/checkpoint.h"
#include "dr/observer.h"
#include "src/base/turn.h"
#include "src/checkpoint/checkpoint_schedule.h"
#include "src/component/bell.h"

namespace dr::inline v0 {

/// Where checkpoints go, and the log that they cover. Take comes one at a time.
class CheckpointStorage {
 public:
  virtual ~CheckpointStorage() = default;
  /// OK, or why nothing is accepted any more.
  virtual absl::Status status() const = 0;
  virtual CheckpointSchedule::LogEnd log_end() const = 0;
  /// How long after the last attempt a checkpoint is due even if nothing has changed; nullopt:
  /// never.
  virtual std::optional<std::chrono::nanoseconds> checkpoint_anyway() const = 0;
  virtual absl::StatusOr<CheckpointInfo> Take(const Context& context) = 0;
  /// The newest, while no checkpoint is under way; nullopt: there is none.
  virtual std::optional<Position> checkpointed() const = 0;
};

/// Thread-safe. A checkpoint may hang in a callback of a component, so whoever waits for one heeds
/// its context.
class Checkpointer {
 public:
  /// All outlive it; `observer` may be null. What counts as the checkpoint before was `age` ago.
  Checkpointer(const CheckpointPolicy& policy, const Clock& clock, Observer* observer,
               CheckpointStorage& storage, Bell& bell, std::chrono::nanoseconds age);

  absl::StatusOr<CheckpointInfo> Take(const Context& context);
  /// By policy. One that gives way to a stop of its context has not failed.
  void TakeIfDue(const Context& context);
  /// Something else that writes a checkpoint.
  absl::StatusOr<CheckpointInfo> Write(const Context& context,
                                       absl::FunctionRef<absl::StatusOr<CheckpointInfo>()> write);
  /// Runs `work` while no checkpoint is under way.
  absl::Status InTurn(const Context& context, absl::FunctionRef<absl::Status()> work);
  /// Returns when the one under way, if there is one, has ended.
  absl::Status Await(const Context& context);

  /// When the next one is due, which may have passed; never: not before something changes.
  Instant Next() const;
  bool under_way() const { return turn_.taken(); }
  CheckpointFigures figures() const { return schedule_.figures(); }

 private:
  absl::StatusOr<CheckpointInfo> TakeInTurn(const Context& context);
  void Report(const absl::StatusOr<CheckpointInfo>& info);

  const Clock& clock_;
  Observer* const observer_;
  CheckpointStorage& storage_;
  Bell& bell_;
  CheckpointSchedule schedule_;
  Turn turn_;
};

}  // namespace dr::inline v0
