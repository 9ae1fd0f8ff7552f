// Opens the log of a directory: recovers what is there, and begins the segment that follows.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "dr/log/wal.h"
#include "src/log/durable_mark.h"
#include "src/log/log_time.h"
#include "src/log/segment_chain.h"
#include "src/log/segment_files.h"

namespace dr::inline v0 {

/// A log that can go on: all up to `recovery.last` is durable.
struct OpenedLog {
  std::unique_ptr<SegmentFiles> files;
  SegmentChain chain;
  GroupBuilder builder;  ///< has built all groups of the newest segment
  DurableMarkWriter mark;
  LogTime time;
  Digest history;  ///< of the log up to `recovery.last`
  WalRecovery recovery;
};

/// As Wal::Open. `directory` outlives what it returns.
absl::StatusOr<OpenedLog> OpenLogIn(Directory& directory, const WalOptions& options);

}  // namespace dr::inline v0
