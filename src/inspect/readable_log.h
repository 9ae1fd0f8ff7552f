// What of a stored log can be read, and from where.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"
#include "dr/inspect/stored_host.h"
#include "src/log/group_reader.h"
#include "src/log/log_recovery.h"

namespace dr::inline v0 {

/// A log all of which was read.
struct WholeLog {
  RecoveryBounds bounds = {};
  std::uint64_t segments = 0;
  Lsn from = {}, last = {};         ///< operations that were read; last < from: none
  Lsn evidence = {};                ///< the highest durable_lsn on the disk
  std::uint64_t groups_behind = 0;  ///< torn or left over behind the end
};
/// Reads strictly what is needed behind the oldest readable checkpoint (in a folder of segments all
/// that its oldest begins with), and what is there before it. The first damage is kDataLoss with
/// its place.
absl::StatusOr<WholeLog> ReadWholeLog(const StoredHost::Parts& host);

/// What can be read of a log from an operation on, whatever is wrong behind it.
struct ReadableLog {
  std::vector<LogSegment> segments = {};
  std::uint64_t limit = 0;   ///< of the last of them
  Lsn from = {}, last = {};  ///< whole batches; last < from: none
};
/// kDataLoss: not even `from` can be reached.
absl::StatusOr<ReadableLog> FindReadable(Directory& wal, Lsn from);

/// Where a useful log may begin, ascending: at the first operation that is there, and behind each
/// readable checkpoint.
absl::StatusOr<std::vector<Lsn>> PossibleStarts(const StoredHost::Parts& host);

/// From the earliest place where it can be read. kDataLoss: from none.
absl::StatusOr<ReadableLog> FindEarliest(const StoredHost::Parts& host);

}  // namespace dr::inline v0
