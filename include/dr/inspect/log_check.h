// Is everything there that a host needs of its log, exactly as it was written?
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/export.h"
#include "dr/inspect/stored_host.h"
#include "dr/repository/manifest.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// Whether a log is whole.
struct LogCheck {
  absl::Status damage = absl::OkStatus();  ///< kDataLoss with the first place; OK: it is whole
  Lsn from = {};                           ///< the first operation that could be read
  Lsn last = {};  ///< and the last; last < from: none, which is no damage where the checkpoints
                  ///< need none

  // Of a whole log.
  std::uint64_t segments = 0;       ///< files
  Lsn durable_recorded = {};        ///< the highest durable_lsn in the log
  Lsn durable_known = {};           ///< the highest that a checkpoint or the mark proves
  std::uint64_t groups_behind = 0;  ///< torn or left over behind the end

  // Of a damaged one.
  std::vector<BackupManifest> checkpoints = {};  ///< that can be read, newest first
};

/// Reads strictly all that is needed: behind the oldest readable checkpoint, or in a folder of
/// segments all that its oldest begins with; and what is there before it. Damage is part of the
/// result. kUnavailable: the log changes faster than it can be read.
DR_EXPORT absl::StatusOr<LogCheck> VerifyLog(const StoredHost& host);

}  // namespace dr::inline v0
