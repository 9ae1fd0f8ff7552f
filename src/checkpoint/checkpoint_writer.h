// Takes checkpoints beside a log: freezes each component at its own position, writes what changed,
// publishes one manifest, and only then drops older manifests, and log that no kept manifest needs.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/checkpoint.h"
#include "dr/log/wal.h"
#include "dr/repository/repository.h"
#include "src/checkpoint/take_snapshot.h"

namespace dr::inline v0 {

/// The manifests that a host may open from, and those that cannot be read.
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
  CheckpointWriter(const CheckpointContext& context, Wal& wal,
                   std::optional<BackupManifest> previous);

  /// Nothing is published, and the previous checkpoint stays in force, when any component fails.
  absl::StatusOr<CheckpointInfo> Take(const Context& context);
  Position newest() const;
  std::uint64_t newest_bytes() const;  ///< on the disk, about; what one more would take

 private:
  absl::StatusOr<CheckpointInfo> Publish(const Context& context);
  absl::Status TrimLog(const Context& context);

  const CheckpointContext of_;
  Wal& wal_;
  std::optional<BackupManifest> previous_;
};

}  // namespace dr::inline v0
