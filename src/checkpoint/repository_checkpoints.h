// Checkpoints of a host that has no log: straight into a repository, which several hosts know.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/checkpoint.h"
#include "dr/repository/repository.h"
#include "src/checkpoint/component_recovery.h"
#include "src/checkpoint/take_snapshot.h"
#include "src/log/unlogged_sink.h"

namespace dr::inline v0 {

struct Claimed {
  std::unique_ptr<Repository> repository;
  BackupManifest manifest;
};
/// Loads what the newest entry names, then claims the repository. If this is OK, the host that had
/// the repository has ended; on an error it goes on undisturbed (except that kUnknown leaves this
/// open). Begins again when another host has published meanwhile; beside one that publishes faster
/// than this one can load, only the context ends it.
absl::StatusOr<Claimed> LoadAndClaim(
    const std::function<absl::StatusOr<std::unique_ptr<Repository>>()>& open,
    const ComponentSet& components, const Clock& clock, const Context& context);

/// One call at a time. Once another host has taken the repository over, the next call notices that
/// and fails with kFenced, and so does every commit from then on. A call with nothing to write
/// looks as well, and leaves it to the next one only if the store does not answer.
class RepositoryCheckpoints {
 public:
  RepositoryCheckpoints(const CheckpointContext& context, UnloggedSink& sink,
                        BackupManifest claimed);

  /// Saves all components at one position, except those that nothing was committed to or that were
  /// deleted.
  absl::StatusOr<CheckpointInfo> Take(const Context& context);
  /// Saves one component as it is now, and keeps the others as they were saved.
  absl::StatusOr<CheckpointInfo> Save(ComponentCore& component, const Context& context);
  /// Publishes a checkpoint without the component, which stays left out until something is
  /// committed to it or it is saved.
  absl::StatusOr<CheckpointInfo> Delete(ComponentCore& component, const Context& context);
  /// Replaces the component's state by the saved one. If that cannot be read, nothing changes.
  absl::StatusOr<StateOutcome> Load(ComponentCore& component, const Context& context);

  Position newest() const { return {newest_.epoch, newest_.as_of}; }
  StateOutcome OutcomeOf(std::string_view component) const;

 private:
  absl::StatusOr<CheckpointInfo> Publish(const std::vector<ComponentCore*>& chosen,
                                         const ComponentCore* deleted, const Context& context);
  absl::StatusOr<CheckpointInfo> Write(const std::vector<ComponentCore*>& chosen,
                                       const ComponentCore* deleted, const Context& context);
  absl::StatusOr<std::vector<Frozen>> Freeze(const std::vector<ComponentCore*>& chosen,
                                             const Context& context) const;
  absl::Status Settle(const Context& context);
  void GoOnFrom(BackupManifest published);
  absl::Status CheckNotFollowed(const Context& context);
  absl::Status End();
  void Notify(EventKind kind, absl::Status status) const;
  void Prune(const Context& context);

  const CheckpointContext of_;
  UnloggedSink& sink_;
  BackupManifest newest_;
  std::map<std::string_view, Lsn> unsaved_;  ///< not saved while nothing is applied behind these
};

}  // namespace dr::inline v0
