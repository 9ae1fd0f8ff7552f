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
#include "src/checkpoint/checkpointer.h"
#include "src/checkpoint/component_recovery.h"
#include "src/checkpoint/repository_checkpoints.h"

namespace dr::inline v0 {

/// What a storage works with. All references outlive it.
struct HostContext {
  const HostOptions& options;
  FileSystem& files;
  const Clock& clock;
  Random& random;
  const ComponentSet& components;

  void Notify(const Event& event) const {
    if (options.environment.observer != nullptr) options.environment.observer->OnEvent(event);
  }
};

/// What was found at open.
struct OpenResult {
  Lsn last = {};
  Replayed replayed = {};
  RetiredComponents retired = {};
  std::string text = {};              ///< the same for a person
  std::chrono::nanoseconds age = {};  ///< of what counts as the checkpoint before
};

/// What the log needs when there is time for it.
struct LogNeeds {
  bool seal = false;  ///< something is not covered by evidence on the disk
  bool room = false;  ///< it has run out of space
};

/// When it is open, the components are loaded. When it is destroyed, another host may have the
/// place.
class HostStorage : public CheckpointStorage {
 public:
  virtual OperationLog& log() = 0;
  virtual Epoch epoch() const = 0;
  virtual Durability durability_max() const = 0;
  virtual const OpenResult& result() const = 0;

  virtual LogNeeds Needs() const = 0;
  /// Keeps space ready; before that, seals what needs it if the log is at rest.
  virtual absl::Status KeepLog(bool at_rest) = 0;
  virtual absl::Status Seal() = 0;
  /// Null for a host with a log, which has everything.
  virtual RepositoryCheckpoints* direct() = 0;
  /// From now on, no call waits long for a store that does not answer.
  virtual void LimitPatience() = 0;
  virtual std::chrono::nanoseconds time_ahead() const = 0;  ///< of the wall clock
  virtual void AddTo(Figures& figures) const = 0;           ///< what it alone knows
};

absl::StatusOr<std::unique_ptr<HostStorage>> OpenDirectory(const HostContext& host,
                                                           const Context& context);
absl::StatusOr<std::unique_ptr<HostStorage>> OpenRepository(const HostContext& host,
                                                            const AdapterRegistry& adapters,
                                                            const Context& context);

}  // namespace dr::inline v0
