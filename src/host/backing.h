// Where a host's state survives: a directory with a log and checkpoints, or a repository alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/host.h"
#include "src/runtime/recovery.h"
#include "src/runtime/repository_checkpoints.h"

namespace dr::inline v0 {

/// What a backing works with. All outlive it.
struct Surroundings {
  const HostOptions& options;
  FileSystem& files;
  const Clock& clock;
  Random& random;
  const ComponentTable& components;
  const RestoreRegistry& upgrades;

  void Notify(const Event& event) const {
    if (options.environment.observer != nullptr) options.environment.observer->OnEvent(event);
  }
};

/// What was found at open.
struct Found {
  Lsn last = {};
  Replayed replayed = {};
  std::string text = {};              ///< the same for a person
  std::chrono::nanoseconds age = {};  ///< of what counts as the checkpoint before
};

/// What the log is to be given when it is convenient.
struct LogNeeds {
  bool seal = false;  ///< something is not covered by evidence on the disk
  bool room = false;  ///< there was none
};

/// Opened, it has loaded the components. Take, Save and the rest of `direct` come one at a time.
/// Destroyed, it lets others have the place.
class Backing {
 public:
  virtual ~Backing() = default;
  virtual OperationLog& log() = 0;
  virtual Durability durability_max() const = 0;
  /// Once, when the runtime around the log is there.
  virtual void Begin(Runtime& runtime) = 0;
  virtual const Found& found() const = 0;

  /// OK, or why nothing is accepted any more.
  virtual absl::Status status() const = 0;
  virtual LogNeeds Needs() const = 0;
  /// Keeps space ready; before that, seals what needs it if the log is at rest.
  virtual absl::Status KeepLog(bool at_rest) = 0;
  /// How long after the last attempt a checkpoint is due even if nothing has changed; nullopt:
  /// never.
  virtual std::optional<std::chrono::nanoseconds> checkpoint_anyway() const = 0;
  virtual absl::StatusOr<CheckpointInfo> Take(const Context& context) = 0;
  /// Null: the log has everything.
  virtual RepositoryCheckpoints* direct() = 0;

  virtual absl::Status Seal() = 0;
  /// Nobody waits for long any more for a store that does not answer.
  virtual void LimitPatience() = 0;
  virtual std::chrono::nanoseconds time_ahead() const = 0;  ///< of the wall clock
  virtual std::uint64_t bytes() const = 0;                  ///< logged, replay included
  /// The newest, while no checkpoint is under way; nullopt: there is none.
  virtual std::optional<Position> checkpointed() const = 0;
  virtual void AddTo(Figures& figures) const = 0;  ///< what it alone knows
};

absl::StatusOr<std::unique_ptr<Backing>> OpenDirectory(const Surroundings& surroundings,
                                                       const Context& context);
absl::StatusOr<std::unique_ptr<Backing>> OpenRepository(const Surroundings& surroundings,
                                                        const AdapterRegistry& adapters,
                                                        const Context& context);

}  // namespace dr::inline v0
