// Where a host's state survives: a directory with a log and checkpoints, or a repository alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
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

/// Opened, it has loaded the components. Take, Save and the rest of `direct` come one at a time.
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
  /// Seals what has come to rest, as it has if `at_rest` or if nothing came since the call before;
  /// keeps space ready.
  virtual absl::Status KeepLog(bool at_rest) = 0;
  /// A checkpoint is due for reasons of its own, `age` after the last try.
  virtual bool IsDue(std::chrono::nanoseconds age) const = 0;
  virtual absl::StatusOr<CheckpointInfo> Take(const Context& context) = 0;
  /// Null: the log has everything.
  virtual RepositoryCheckpoints* direct() = 0;

  virtual absl::Status Seal() = 0;
  /// Lets others have the place.
  virtual void Release() = 0;
  virtual std::uint64_t bytes() const = 0;         ///< logged, replay included
  virtual Position checkpointed() const = 0;       ///< nobody has a checkpoint under way
  virtual void AddTo(Figures& figures) const = 0;  ///< what it alone knows
};

absl::StatusOr<std::unique_ptr<Backing>> OpenDirectory(const Surroundings& surroundings,
                                                       const Context& context);
absl::StatusOr<std::unique_ptr<Backing>> OpenRepository(const Surroundings& surroundings,
                                                        const AdapterRegistry& adapters,
                                                        const Context& context);

}  // namespace dr::inline v0
