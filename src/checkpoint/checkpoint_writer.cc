#include "src/checkpoint/checkpoint_writer.h"

#include <algorithm>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/assert.h"

namespace dr::inline v0 {
namespace {

// On the disk: the manifest, and what a full file system takes for itself.
constexpr std::uint64_t kBytesPerCheckpoint = 1 << 20;
constexpr std::uint64_t kBytesPerObject = 16 << 10;  // with its folder, names and what blocks round

}  // namespace

absl::StatusOr<CheckpointCandidates> FindCheckpoints(const Repository& repository,
                                                     const Context& context) {
  DR_ASSIGN_OR_RETURN(std::vector<RepositoryEntry> entries, repository.Entries(context));
  CheckpointCandidates found;
  for (RepositoryEntry& entry : entries) {
    if (entry.manifest.ok()) {
      found.known_durable.push_back({fmt::format("checkpoint {}", entry.sequence),
                                     entry.manifest->log,
                                     {entry.manifest->epoch, entry.manifest->durable_lsn},
                                     entry.manifest->history});
      found.readable.push_back(*std::move(entry.manifest));
    } else if (absl::IsDataLoss(entry.manifest.status())) {
      found.unreadable.push_back(std::move(entry));
    } else {
      // Of a format not known here, say: opening an older one would quietly go back in time.
      return entry.manifest.status();
    }
  }
  return found;
}

CheckpointWriter::CheckpointWriter(const CheckpointContext& context, Wal& wal,
                                   std::optional<BackupManifest> previous)
    : of_(context), wal_(wal), previous_(std::move(previous)) {}

Position CheckpointWriter::newest() const {
  return previous_ ? Position{previous_->epoch, previous_->as_of} : Position{};
}

std::uint64_t CheckpointWriter::newest_bytes() const {
  if (!previous_) return 0;
  std::uint64_t bytes = kBytesPerCheckpoint;
  for (const ComponentSnapshot& snapshot : previous_->components) {
    bytes += snapshot.bytes + kBytesPerObject;
  }
  return bytes;
}

absl::StatusOr<CheckpointInfo> CheckpointWriter::Take(const Context& context) {
  DR_RETURN_IF_ERROR(wal_.status());
  absl::StatusOr<CheckpointInfo> info = Publish(context);
  // What it has written so far is nothing that counts, and takes room.
  if (!info.ok()) static_cast<void>(of_.repository.Prune(of_.policy.keep, wal_.epoch(), context));
  return info;
}

absl::StatusOr<CheckpointInfo> CheckpointWriter::Publish(const Context& context) {
  CheckpointInfo info;
  BackupManifest manifest{
      .log = wal_.log_id(), .epoch = wal_.epoch(), .created = of_.clock.WallTime()};
  const SnapshotTarget target{of_, wal_.epoch(), of_.policy.disk_share};
  Lsn newest;
  manifest.as_of = of_.log.last();
  for (const auto& [id, component] : of_.components) {
    DR_RETURN_IF_ERROR(CheckContext(context, of_.clock, "the checkpoint"));
    const ComponentSnapshot* previous = previous_ ? FindSnapshot(*previous_, id) : nullptr;
    DR_RETURN_IF_ERROR(component->failure());
    DR_ASSIGN_OR_RETURN(Frozen frozen,
                        Freeze(*component, Comparable(previous, *component), context));
    DR_ASSIGN_OR_RETURN(ComponentSnapshot snapshot, TakeSnapshot(*component, std::move(frozen),
                                                                 previous, target, info, context));
    manifest.as_of = std::min(manifest.as_of, snapshot.as_of);
    newest = std::max(newest, snapshot.as_of);
    manifest.components.push_back(std::move(snapshot));
  }
  info.position = {manifest.epoch, manifest.as_of};
  if (previous_ && info.components_written == 0 && manifest.as_of == previous_->as_of) {
    // Taken when the disk had room, it may have let go of less than it could have.
    if (wal_.figures().no_space) DR_RETURN_IF_ERROR(TrimLog(context));
    return info;
  }
  // A checkpoint may not know operations that a power cut could still take back.
  DR_RETURN_IF_ERROR(of_.log.Persist(newest, context));
  const DurablePoint durable = wal_.durable_point();
  manifest.durable_lsn = durable.lsn;
  manifest.history = durable.history;
  DR_ASSERT(newest <= manifest.durable_lsn);
  DR_ASSIGN_OR_RETURN(previous_, of_.repository.Publish(std::move(manifest), context));
  info.sequence = previous_->sequence;
  DR_RETURN_IF_ERROR(TrimLog(context));
  return info;
}

absl::Status CheckpointWriter::TrimLog(const Context& context) {
  DR_ASSIGN_OR_RETURN(std::vector<RepositoryEntry> entries, of_.repository.Entries(context));
  // A log that has no room left to go on needs all that it can get.
  const std::size_t keep = wal_.figures().no_space ? 1 : of_.policy.keep;
  DR_ASSERT(previous_);
  Lsn needed = previous_->as_of;
  for (std::size_t i = 0; i < std::min(keep, entries.size()); ++i) {
    // What an unreadable manifest would need is not known; the log and the objects stay.
    if (!entries[i].manifest.ok()) return absl::OkStatus();
    needed = std::min(needed, entries[i].manifest->as_of);
  }
  // Before their log, so that a tool that looks in sees no checkpoint whose log is gone.
  DR_RETURN_IF_ERROR(of_.repository.Prune(static_cast<std::uint32_t>(keep), wal_.epoch(), context));
  // With fewer manifests than are to be kept, the log from the beginning is the older state.
  return entries.size() >= keep ? wal_.Trim(Next(needed)) : absl::OkStatus();
}

}  // namespace dr::inline v0
