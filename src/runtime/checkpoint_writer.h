// Takes checkpoints beside a log: freezes each component at its own position, writes what changed,
// publishes one manifest, and only then lets go of older manifests and of log that none of the kept
// ones needs.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/checkpointer.h"
#include "dr/repository.h"
#include "dr/wal.h"
#include "src/runtime/component_core.h"

namespace dr::inline v0 {

/// The manifests a host may open from, and what else is there.
struct CheckpointCandidates {
  std::vector<BackupManifest> readable;        ///< newest first
  std::vector<RepositoryEntry> unreadable;     ///< damaged; reported, never hidden
  std::vector<DurableEvidence> known_durable;  ///< of all readable manifests
};
absl::StatusOr<CheckpointCandidates> FindCheckpoints(const Repository& repository,
                                                     const Context& context);

/// One call at a time.
class CheckpointWriter {
 public:
  CheckpointWriter(Runtime& runtime, Wal& wal, Repository& repository,
                   std::vector<ComponentCore*> components, const CheckpointPolicy& policy,
                   std::optional<BackupManifest> previous);

  /// Nothing is published, and the previous checkpoint stays in force, when any component fails.
  absl::StatusOr<CheckpointInfo> Take(const Context& context);
  Position newest() const;
  std::uint64_t newest_bytes() const;  ///< on the disk, about; what one more would take

 private:
  absl::StatusOr<CheckpointInfo> Publish(const Context& context);
  absl::Status LetGo(const Context& context);

  Runtime& runtime_;
  Wal& wal_;
  Repository& repository_;
  const std::vector<ComponentCore*> components_;
  const CheckpointPolicy policy_;
  std::optional<BackupManifest> previous_;
};

}  // namespace dr::inline v0
