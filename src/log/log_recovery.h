// What may be believed of a log directory after a crash. Observation does the reading; the
// decisions are pure functions over what was observed, so that a test can walk them row by row.
//
// The rule behind all rows: a record is missing only if no evidence says that it was durable.
// Evidence is a recorded durable_lsn and nothing else (a later group or segment proves nothing).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"
#include "dr/log/wal.h"
#include "src/log/durable_mark.h"
#include "src/log/group_reader.h"
#include "src/log/log_reader.h"

namespace dr::inline v0 {

/// One *.wal file as found.
struct ObservedSegment {
  std::uint64_t number = 0;  ///< by its name
  absl::StatusOr<LogSegment> segment =
      absl::UnknownError("");  ///< or why its prefix cannot be read
};

struct ObservedDirectory {
  std::optional<DurableMark> mark;
  std::optional<absl::StatusOr<SegmentPrefix>> head;  ///< nullopt: there is no HEAD
  std::vector<ObservedSegment> segments;              ///< ascending
};

/// What the caller of Wal::Open knows, and what the log's mark adds.
struct RecoveryBounds {
  std::vector<DurableEvidence> known = {};
  Lsn needed_from = {1};

  Lsn known_durable() const;  ///< the highest
};

/// `bounds` and what the mark proves, if it is of the same log as the newest segment.
RecoveryBounds WithMark(RecoveryBounds bounds, const ObservedDirectory& observed);

/// The segments that are the log, in order, each but the last with its end; empty: there is no log
/// yet. Names what is wrong otherwise:
///
///   what was observed                                          outcome
///   nothing at all, and nothing is known to be durable         no log yet
///   one first segment without HEAD                             interrupted creation: the log
///   no segment, but HEAD or a known durable Lsn                gap
///   HEAD unreadable                                            corrupt
///   HEAD missing beside later segments                         gap
///   the newest segment is older than HEAD says                 gap
///   the newest segment is younger than HEAD says               crash between the steps: the log
///   HEAD's segment has another salt or log                     gap (replaced)
///   a prefix is unreadable                                     corrupt
///   a name does not match its prefix                           gap (misnamed or duplicated)
///   a segment of another log                                   gap
///   a number is missing above what is needed                   gap
///   a segment does not continue the one before it              gap
///   the oldest begins behind what is needed                    gap
///   anything at all below what is needed                       ignored: trimming was interrupted
absl::StatusOr<std::vector<LogSegment>> DecideSegments(const ObservedDirectory& observed,
                                                       const RecoveryBounds& bounds);

/// The end of the newest segment as found.
struct ObservedTail {
  std::string segment;
  Lsn last = {};                  ///< of the last whole record or batch that a valid chain leads to
  Lsn evidence = {};              ///< highest durable_lsn recorded anywhere in the segment
  std::uint64_t stop_offset = 0;  ///< where the valid chain ends
  Lsn stop_lsn = {};              ///< the first Lsn that is not there
  std::string reason;             ///< why it ends there
};

/// OK: what is behind `last` was never acknowledged.
///
///   last ≥ every evidence                          torn tail: cut
///   last < evidence in the log                     corrupt, at the stop
///   last < what caller or mark know to be durable  corrupt, at the stop
absl::Status DecideTail(const ObservedTail& tail, const RecoveryBounds& bounds);

/// Beside a writer too: what it trims meanwhile is left out.
absl::StatusOr<ObservedDirectory> ObserveDirectory(Directory& directory);

/// The end of the log, and the tail above its evidence.
struct RecoveredTail {
  ObservedTail observed;
  SegmentEnd cut = {};              ///< where the newest old segment ends from now on
  Digest history = {};              ///< of the log up to the cut
  std::int64_t last_time_ns = 0;    ///< where recorded times go on
  std::uint64_t groups_behind = 0;  ///< headers of groups that are not part of the log
  std::uint64_t written_end = 0;    ///< of the newest old segment: what is behind was only prepared
};

/// Reads records of decided `segments` from `from` on, up to the end given for the newest.
absl::StatusOr<std::unique_ptr<LogReader>> OpenRecovered(Directory& directory,
                                                         const std::vector<LogSegment>& segments,
                                                         std::uint64_t newest_limit, Lsn from);

/// Reads the newest of `segments` (and what continues into it) to its end. kDataLoss, too, where
/// what is known to be durable has another history: files of two copies were mixed.
absl::StatusOr<RecoveredTail> ReadTail(Directory& directory,
                                       const std::vector<LogSegment>& segments,
                                       const RecoveryBounds& bounds);

}  // namespace dr::inline v0
