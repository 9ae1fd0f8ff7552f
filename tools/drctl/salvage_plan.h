// What of a log and its checkpoints can be kept when everything behind one operation is given up.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/drctl/source.h"

namespace drctl {

struct SalvagePlan {
  Readable log = {};
  dr::Lsn first = {}, to = {};                       ///< of the operations; to < first: none
  std::vector<dr::BackupManifest> checkpoints = {};  ///< oldest first
  std::vector<std::string> given_up = {};            ///< a line for a person each
};

/// Only reads. kInvalidArgument, naming the nearest that can be had: `to` cannot be reached, or is
/// inside a batch.
absl::StatusOr<SalvagePlan> PlanSalvage(const Source& source, dr::Lsn to);

}  // namespace drctl
