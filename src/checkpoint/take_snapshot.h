// From a component that goes on working to its snapshot in a repository.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "dr/checkpoint.h"
#include "dr/repository/repository.h"
#include "src/component/component_set.h"
#include "src/component/freeze.h"

namespace dr::inline v0 {

/// What checkpoints are made of, and where they go. All references outlive its users.
struct CheckpointContext {
  OperationLog& log;
  const Clock& clock;
  Observer* observer;  ///< may be null
  Repository& repository;
  const ComponentSet& components;
  const CheckpointPolicy& policy;
};

/// The epoch of the snapshots, and how much of the time they may take while operations are
/// appended.
struct SnapshotTarget {
  const CheckpointContext& context;
  Epoch epoch = {};
  double disk_share = 1;
};

/// The position that Freeze may compare with, so that `previous` is carried on if nothing has
/// changed. `previous` may be null.
std::optional<Lsn> Comparable(const ComponentSnapshot* previous, const ComponentCore& component);

/// Writes what was frozen, or carries `previous` on if nothing has changed since, and adds to
/// `info` what it did.
absl::StatusOr<ComponentSnapshot> TakeSnapshot(ComponentCore& component, Frozen frozen,
                                               const ComponentSnapshot* previous,
                                               const SnapshotTarget& target, CheckpointInfo& info,
                                               const Context& context);

/// Null if the manifest has no snapshot of this component.
const ComponentSnapshot* FindSnapshot(const BackupManifest& manifest, std::string_view component);

}  // namespace dr::inline v0
