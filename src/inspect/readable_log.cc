#include "src/inspect/readable_log.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "dr/status_macros.h"
#include "src/checkpoint/checkpoint_writer.h"
#include "src/inspect/settled.h"
#include "src/inspect/stored_host_parts.h"

namespace dr::inline v0 {
namespace {

Lsn OldestLsn(const ObservedDirectory& observed) {
  // Where the oldest cannot be read, nothing is known to have been trimmed.
  if (observed.segments.empty() || !observed.segments.front().segment.ok()) return {1};
  const LogSegment& oldest = *observed.segments.front().segment;
  // What began in a segment that is gone cannot be read.
  return oldest.continues ? Next(oldest.prefix.first_lsn) : oldest.prefix.first_lsn;
}

absl::StatusOr<RecoveryBounds> BoundsOf(const StoredHost::Parts& host) {
  RecoveryBounds bounds;
  if (host.repository == nullptr) {
    DR_ASSIGN_OR_RETURN(const ObservedDirectory observed, ObserveDirectory(*host.wal));
    bounds.needed_from = OldestLsn(observed);
    return bounds;
  }
  DR_ASSIGN_OR_RETURN(CheckpointCandidates found, FindCheckpoints(*host.repository, {}));
  bounds.known = std::move(found.known_durable);
  if (!found.readable.empty()) bounds.needed_from = Next(found.readable.back().as_of);
  return bounds;
}

absl::StatusOr<WholeLog> ReadOnce(const StoredHost::Parts& host) {
  WholeLog whole;
  DR_ASSIGN_OR_RETURN(whole.bounds, BoundsOf(host));
  DR_ASSIGN_OR_RETURN(const ObservedDirectory observed, ObserveDirectory(*host.wal));
  whole.bounds = WithMark(whole.bounds, observed);
  // More than is needed, where it is there: a host without its checkpoints would ask for it.
  RecoveryBounds all = whole.bounds;
  all.needed_from = std::min(all.needed_from, OldestLsn(observed));
  auto decided = DecideSegments(observed, all);
  if (decided.ok()) {
    whole.bounds = all;
  } else {
    decided = DecideSegments(observed, whole.bounds);
  }
  DR_ASSIGN_OR_RETURN(const std::vector<LogSegment> segments, std::move(decided));
  whole.from = whole.bounds.needed_from;
  whole.last = {whole.from.value - 1};
  whole.segments = segments.size();
  if (segments.empty()) return whole;
  DR_ASSIGN_OR_RETURN(const RecoveredTail tail, ReadTail(*host.wal, segments, whole.bounds));
  whole.evidence = tail.observed.evidence;
  whole.groups_behind = tail.groups_behind;
  DR_ASSIGN_OR_RETURN(const auto reader,
                      OpenRecovered(*host.wal, segments, tail.observed.stop_offset, whole.from));
  for (;;) {
    DR_ASSIGN_OR_RETURN(const std::optional<RecordView> record, reader->Next());
    if (!record || record->lsn > tail.observed.last) break;
    whole.last = record->lsn;
  }
  return whole;
}

absl::StatusOr<std::uint64_t> ChainEnd(Directory& wal, const LogSegment& segment) {
  std::unique_ptr<File> file;
  DR_RETURN_IF_ERROR(OpenLogSegment(wal, segment.name, file).status());
  GroupReader groups(*file, segment);
  for (;;) {
    DR_ASSIGN_OR_RETURN(const std::optional<Group> group, groups.Next(segment.file_bytes));
    if (!group) return groups.offset();
  }
}

}  // namespace

absl::StatusOr<WholeLog> ReadWholeLog(const StoredHost::Parts& host) {
  return Settled([&] { return ReadOnce(host); });
}

absl::StatusOr<ReadableLog> FindReadable(Directory& wal, Lsn from) {
  DR_ASSIGN_OR_RETURN(ObservedDirectory observed, ObserveDirectory(wal));
  ReadableLog readable{.from = from, .last = {from.value - 1}};
  absl::Status refused = absl::OkStatus();
  // The longest row of segments that is a log by the rules of recovery, if it ended there.
  for (; !observed.segments.empty(); observed.segments.pop_back()) {
    const ObservedSegment& newest = observed.segments.back();
    observed.head = newest.segment.ok() ? absl::StatusOr<SegmentPrefix>(newest.segment->prefix)
                                        : newest.segment.status();
    auto segments = DecideSegments(observed, {.needed_from = from});
    if (segments.ok()) {
      readable.segments = *std::move(segments);
      break;
    }
    if (!absl::IsDataLoss(segments.status())) return segments.status();
    refused = segments.status();
  }
  if (readable.segments.empty()) {
    if (!refused.ok()) return refused;
    return readable;
  }
  DR_ASSIGN_OR_RETURN(readable.limit, ChainEnd(wal, readable.segments.back()));
  DR_ASSIGN_OR_RETURN(const auto reader,
                      OpenRecovered(wal, readable.segments, readable.limit, from));
  for (;;) {
    const auto record = reader->Next();
    if (!record.ok() && !absl::IsDataLoss(record.status())) return record.status();
    if (!record.ok() || !*record) return readable;
    if (!(*record)->batch_continues) readable.last = (*record)->lsn;
  }
}

absl::StatusOr<std::vector<Lsn>> PossibleStarts(const StoredHost::Parts& host) {
  DR_ASSIGN_OR_RETURN(const ObservedDirectory observed, ObserveDirectory(*host.wal));
  std::vector<Lsn> starts = {OldestLsn(observed)};
  if (host.repository != nullptr) {
    DR_ASSIGN_OR_RETURN(const CheckpointCandidates found, FindCheckpoints(*host.repository, {}));
    for (auto it = found.readable.rbegin(); it != found.readable.rend(); ++it) {
      starts.push_back(Next(it->as_of));
    }
  }
  std::sort(starts.begin(), starts.end());
  return starts;
}

absl::StatusOr<ReadableLog> FindEarliest(const StoredHost::Parts& host) {
  DR_ASSIGN_OR_RETURN(const std::vector<Lsn> starts, PossibleStarts(host));
  absl::Status refused = absl::OkStatus();
  for (Lsn start : starts) {
    absl::StatusOr<ReadableLog> readable = FindReadable(*host.wal, start);
    if (!absl::IsDataLoss(readable.status())) return readable;
    refused.Update(readable.status());
  }
  return refused;
}

}  // namespace dr::inline v0
