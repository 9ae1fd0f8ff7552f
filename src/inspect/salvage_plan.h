// What of a log and its checkpoints can be kept when everything behind one operation is given up.
#pragma once

#include "absl/status/statusor.h"
#include "dr/inspect/salvage.h"
#include "src/inspect/readable_log.h"

namespace dr::inline v0 {

/// A plan, and the log that it was made for.
struct PlannedSalvage {
  SalvagePlan plan = {};
  ReadableLog log = {};
};

/// Only reads. Errors are those of Salvage::Plan.
absl::StatusOr<PlannedSalvage> PlanSalvage(const StoredHost::Parts& host, Lsn to);

}  // namespace dr::inline v0
