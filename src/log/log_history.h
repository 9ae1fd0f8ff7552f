// What a recovered log holds up to an operation, and whether that is what others saw of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "dr/digest.h"
#include "dr/environment/file_system.h"
#include "dr/log/wal.h"
#include "src/log/log_reader.h"

namespace dr::inline v0 {

/// Reads the decided `segments` of a log, the newest up to `newest_limit`. Not thread-safe.
class HistoryReader {
 public:
  /// `directory` outlives it.
  HistoryReader(Directory& directory, std::vector<LogSegment> segments, std::uint64_t newest_limit);

  /// The history at `lsn`, which is not behind the end of the log; nullopt where the log begins
  /// later. Calls with ascending numbers read each segment once at most.
  absl::StatusOr<std::optional<Digest>> At(Lsn lsn);

 private:
  /// The prefix to count from; null: none is early enough.
  const SegmentPrefix* CountedFrom(Lsn lsn) const;

  Directory& directory_;
  const std::vector<LogSegment> segments_;
  const std::uint64_t newest_limit_;
  std::unique_ptr<LogReader> reader_;  ///< stands behind `at_`
  Lsn at_ = {};
  Digest history_ = {};  ///< there
};

/// OK if `evidence` can have been taken of the log of `segments`, which `reader` reads: the opening
/// that saw it is one of the log's, and its history there is the same, or one of the two is not
/// known. Else kDataLoss, which names both.
absl::Status CheckHistory(HistoryReader& reader, const DurableEvidence& evidence,
                          const std::vector<LogSegment>& segments);

}  // namespace dr::inline v0
