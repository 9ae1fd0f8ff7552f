// Reading what a checkpoint names, to know that it is there.
#pragma once

#include "absl/status/status.h"
#include "dr/inspect/checkpoints.h"
#include "dr/repository/repository.h"

namespace dr::inline v0 {

/// All records of a snapshot. kDataLoss names what is damaged.
absl::Status CheckSnapshot(const Repository& repository, const ComponentSnapshot& snapshot,
                           ReadDepth depth = ReadDepth::kRecords);
/// The manifest, and its snapshots as deep as asked for.
absl::Status CheckEntry(const Repository& repository, const RepositoryEntry& entry,
                        ReadDepth depth = ReadDepth::kRecords);

}  // namespace dr::inline v0
