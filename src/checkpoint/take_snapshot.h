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

/// What checkpoints are made of, and where they go. All outlive who uses it.
struct CheckpointContext {
  OperationLog& log;
  const Clock& clock;
  Observer* observer;  ///< may be null
  Repository& repository;
  const ComponentSet& components;
  const CheckpointPolicy& policy;
};

/// Whose snapshots these are, and how much of the time they may take while operations are appended.
struct SnapshotTarget {
  const CheckpointContext& context;
  Epoch epoch = {};
  double disk_share = 1;
};

/// What Freeze may compare with, so that `previous` (null: there is none) is carried on where
/// nothing has changed.
std::optional<Lsn> Comparable(const ComponentSnapshot* previous, const ComponentCore& component);

/// Writes what was frozen, or carries `previous` on if nothing had changed since. Adds to `info`
/// what it did.
absl::StatusOr<ComponentSnapshot> TakeSnapshot(ComponentCore& component, Frozen frozen,
                                               const ComponentSnapshot* previous,
                                               const SnapshotTarget& target, CheckpointInfo& info,
                                               const Context& context);

/// Null: the manifest has none of this component.
const ComponentSnapshot* FindSnapshot(const BackupManifest& manifest, std::string_view component);

}  // namespace dr::inline v0
