// Takes a host's checkpoints, by policy or on request, one at a time.
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

/// Where checkpoints go, and the log that they cover. Take is called by one thread at a time.
class CheckpointStorage {
 public:
  virtual ~CheckpointStorage() = default;
  /// OK, or why nothing is accepted any more.
  virtual absl::Status status() const = 0;
  virtual CheckpointSchedule::LogEnd log_end() const = 0;
  /// How long after the last attempt a checkpoint is due even if nothing has changed; nullopt means
  /// never.
  virtual std::optional<std::chrono::nanoseconds> checkpoint_anyway() const = 0;
  virtual absl::StatusOr<CheckpointInfo> Take(const Context& context) = 0;
  /// The newest, while no checkpoint is under way; nullopt: there is none.
  virtual std::optional<Position> checkpointed() const = 0;
};

/// Thread-safe. A checkpoint may hang in a component's callback, so a caller that waits for one
/// heeds its context.
class Checkpointer {
 public:
  /// All references outlive the checkpointer; `observer` may be null. The checkpoint before, or
  /// what counts as one, was `age` ago.
  Checkpointer(const CheckpointPolicy& policy, const Clock& clock, Observer* observer,
               CheckpointStorage& storage, Bell& bell, std::chrono::nanoseconds age);

  absl::StatusOr<CheckpointInfo> Take(const Context& context);
  /// Takes one if the policy says so. A checkpoint that is stopped by its context has not failed.
  void TakeIfDue(const Context& context);
  /// Runs something else that writes a checkpoint.
  absl::StatusOr<CheckpointInfo> Write(const Context& context,
                                       absl::FunctionRef<absl::StatusOr<CheckpointInfo>()> write);
  /// Runs `work` while no checkpoint is under way.
  absl::Status InTurn(const Context& context, absl::FunctionRef<absl::Status()> work);
  /// Returns when no checkpoint is under way any more.
  absl::Status Await(const Context& context);

  /// When the next one is due, which may be in the past; "never" means not before something
  /// changes.
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
