#include "src/checkpoint/take_snapshot.h"

#include <algorithm>
#include <memory>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/checkpoint/paced_writer.h"

namespace dr::inline v0 {

const ComponentSnapshot* FindSnapshot(const BackupManifest& manifest, std::string_view component) {
  for (const ComponentSnapshot& snapshot : manifest.components) {
    if (snapshot.component == component) return &snapshot;
  }
  return nullptr;
}

// A snapshot of an older schema is read through upgrades each time; it is written anew once.
std::optional<Lsn> Comparable(const ComponentSnapshot* previous, const ComponentCore& component) {
  if (previous == nullptr || previous->schema != component.schema()) return std::nullopt;
  return previous->as_of;
}

absl::StatusOr<ComponentSnapshot> TakeSnapshot(ComponentCore& component, Frozen frozen,
                                               const ComponentSnapshot* previous,
                                               const SnapshotTarget& target, CheckpointInfo& info,
                                               const Context& context) {
  info.pause_max = std::max(info.pause_max, frozen.pause);
  if (!frozen.changed) {
    ComponentSnapshot carried = *previous;
    carried.as_of = frozen.as_of;
    ++info.components_carried;
    return carried;
  }
  std::unique_ptr<SnapshotWriter> out = target.context.repository.NewSnapshot(
      component.id(), component.schema(), frozen.as_of, target.epoch, context);
  PacedWriter paced(*out, target.context.log, target.context.clock, target.disk_share, context);
  DR_RETURN_IF_ERROR(component.callbacks().WriteCopy(frozen.copy, paced));
  DR_ASSIGN_OR_RETURN(ComponentSnapshot written, out->Finish());
  ++info.components_written;
  info.bytes += written.bytes;
  return written;
}

}  // namespace dr::inline v0
