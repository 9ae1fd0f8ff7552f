// From a component that goes on working to its snapshot in a repository.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "dr/checkpointer.h"
#include "dr/repository.h"
#include "src/runtime/component_core.h"

namespace dr::inline v0 {

struct SnapshotTarget {
  Runtime& runtime;
  Repository& repository;
  Epoch epoch = {};
  double disk_share = 1;  ///< of the time, while operations are appended
};

/// What Freeze may compare with, so that `previous` (null: there is none) is carried on where
/// nothing has changed.
std::optional<Lsn> Comparable(const ComponentSnapshot* previous, const ComponentCore& component);

/// Writes what was frozen, or carries `previous` on if nothing had changed since. Adds to `info`
/// what it did.
absl::StatusOr<ComponentSnapshot> TakeSnapshot(ComponentCore& component,
                                               ComponentCore::Frozen frozen,
                                               const ComponentSnapshot* previous,
                                               const SnapshotTarget& target, CheckpointInfo& info,
                                               const Context& context);

/// Null: the manifest has none of this component.
const ComponentSnapshot* FindSnapshot(const BackupManifest& manifest, std::string_view component);

}  // namespace dr::inline v0
