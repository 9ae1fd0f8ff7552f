#include "src/log/log_opening.h"

#include <algorithm>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/log/copy_records.h"
#include "src/log/log_recovery.h"

namespace dr::inline v0 {
namespace {

absl::Status CheckOptions(const WalOptions& options) {
  const auto bad = [](std::string_view what) {
    return MakeFault({.kind = FaultKind::kInvalid, .next = "see WalOptions"}, what);
  };
  if (options.clock == nullptr || options.random == nullptr) return bad("clock or random is null");
  if (options.segment_bytes % kBlockBytes != 0 || options.segment_bytes < 16 * kBlockBytes) {
    return bad("segment_bytes must be a multiple of 4096 and at least 65536");
  }
  if (options.group_bytes % kBlockBytes != 0 || options.group_bytes < 2 * kBlockBytes ||
      options.group_bytes > kMaxGroupBytes) {
    return bad("group_bytes must be a multiple of 4096 from 8192 to kMaxGroupBytes");
  }
  return absl::OkStatus();
}

absl::StatusOr<LogId> NewLogId(Random& random) {
  LogId id;
  DR_ASSIGN_OR_RETURN(id.high, random.Next());
  DR_ASSIGN_OR_RETURN(id.low, random.Next());
  return id;
}

// What was prepared in the newest old segment and will never be used. On a full disk it is the room
// for the next one.
absl::Status GiveBack(const SegmentFiles& files, LogSegment& newest, const RecoveredTail& tail) {
  if (newest.file_bytes <= tail.written_end) return absl::OkStatus();
  DR_RETURN_IF_ERROR(files.ReleaseBehind(newest.prefix.number, tail.written_end));
  newest.file_bytes = tail.written_end;
  return absl::OkStatus();
}

absl::StatusOr<SegmentFile> FirstFile(const SegmentFiles& files, SpareList& spares) {
  if (spares.size() > 0) return spares.Take();
  return files.MakeSpare(spares.ReserveNumbers(1).first);
}

// Old segments are never edited: what was valid above the evidence goes into the new one, which
// becomes visible only when it is durable, and says where its predecessor ends. Returns how many
// records that were.
absl::StatusOr<std::uint64_t> CopyTail(Directory& directory, const SegmentFiles& files,
                                       const std::vector<LogSegment>& segments,
                                       const RecoveredTail& tail, std::size_t group_bytes,
                                       LiveSegment& live, GroupBuilder& builder, Digest& history) {
  DR_ASSIGN_OR_RETURN(
      std::unique_ptr<LogReader> reader,
      OpenRecovered(directory, segments, tail.observed.stop_offset, Next(tail.cut.last_lsn)));
  AlignedBuffer buffer(group_bytes);
  const auto write = [&](std::string_view group) -> absl::Status {
    DR_RETURN_IF_ERROR(files.WriteAndSync(live.file.segment, live.offset, group));
    live.offset += group.size();
    return absl::OkStatus();
  };
  DR_ASSIGN_OR_RETURN(const std::uint64_t copied,
                      CopyRecords(*reader, Next(tail.cut.last_lsn), tail.observed.last,
                                  {builder, buffer.span(), tail.cut.last_lsn, history, write}));
  // The file may have grown past its usual size; its footer still needs a prepared block.
  if (live.file.prepared_bytes < live.offset + kBlockBytes) {
    std::fill(buffer.span().begin(), buffer.span().end(), '\0');
    DR_RETURN_IF_ERROR(
        files.WriteAndSync(live.file.segment, live.offset, {buffer.data(), kBlockBytes}));
    live.file.prepared_bytes = live.offset + kBlockBytes;
  }
  return copied;
}

}  // namespace

absl::StatusOr<OpenedLog> OpenLogIn(Directory& directory, const WalOptions& options) {
  DR_RETURN_IF_ERROR(CheckOptions(options));
  DR_ASSIGN_OR_RETURN(std::unique_ptr<SegmentFiles> files,
                      SegmentFiles::Open(directory, options.segment_bytes));
  DR_ASSIGN_OR_RETURN(SpareList spares, files->AdoptSpares());
  DR_ASSIGN_OR_RETURN(ObservedDirectory observed, ObserveDirectory(directory));
  const RecoveryBounds bounds = WithMark({options.known_durable, options.needed_from}, observed);
  DR_ASSIGN_OR_RETURN(std::vector<LogSegment> segments, DecideSegments(observed, bounds));

  // The first segment's creation was interrupted. Without HEAD a second one would look like a rest.
  if (!segments.empty() && !observed.head) {
    DR_RETURN_IF_ERROR(files->WriteHead(EncodePrefix(segments.back().prefix)));
  }

  RecoveredTail tail;
  SegmentPrefix prefix{.block_bytes = kBlockBytes, .first_lsn = {1}};
  if (segments.empty()) {
    DR_ASSIGN_OR_RETURN(prefix.log, NewLogId(*options.random));
  } else {
    DR_ASSIGN_OR_RETURN(tail, ReadTail(directory, segments, bounds));
    const SegmentPrefix& newest = segments.back().prefix;
    prefix.log = newest.log;
    prefix.number = newest.number + 1;
    prefix.epoch = newest.epoch;
    prefix.previous = tail.cut;
    prefix.first_lsn = Next(tail.cut.last_lsn);
    prefix.durable_lsn = tail.observed.last;
    prefix.history_lsn = tail.cut.last_lsn;
    prefix.history = tail.history;
    segments.back().end = tail.cut;
  }
  DR_ASSIGN_OR_RETURN(const std::uint64_t random, options.random->Next());
  prefix.epoch.value += 1 + (random >> 32);
  LogTime time(*options.clock, tail.last_time_ns,
               options.trust_clock ? LogTime::Trust::kClock : LogTime::Trust::kTimes);
  // It records where times go on, before anything has a time.
  prefix.created = absl::FromUnixNanos(time.Record(0, time.wall_ns()));
  DR_ASSIGN_OR_RETURN(prefix.salt, options.random->Next());

  AlignedBuffer block(kBlockBytes);
  EncodePrefixInto(block.span(), prefix);
  const std::string_view first_block(block.data(), kBlockBytes);
  const std::uint64_t hash = PrefixHash(first_block);
  if (!segments.empty()) DR_RETURN_IF_ERROR(GiveBack(*files, segments.back(), tail));
  DR_ASSIGN_OR_RETURN(SegmentFile file, FirstFile(*files, spares));
  LiveSegment live{
      .segment = {.name = SegmentName(prefix.number), .prefix = prefix, .prefix_hash = hash},
      .file = std::move(file),
      .offset = kBlockBytes};
  GroupBuilder builder(prefix, hash);
  Digest history = prefix.history;
  WalRecovery recovery{.last = tail.observed.last,
                       .recorded_durable = tail.observed.evidence,
                       .groups_behind = tail.groups_behind,
                       .created = segments.empty()};
  if (tail.observed.last > tail.cut.last_lsn) {
    DR_ASSIGN_OR_RETURN(
        recovery.copied_records,
        CopyTail(directory, *files, segments, tail, options.group_bytes, live, builder, history));
  }
  // A batch that was cut may reach back over several segments.
  for (LogSegment& segment : segments) {
    segment.end.last_lsn = std::min(segment.end.last_lsn, tail.cut.last_lsn);
  }
  DR_RETURN_IF_ERROR(files->Activate(live.file, prefix.number, first_block));
  DR_ASSIGN_OR_RETURN(DurableMarkWriter mark,
                      DurableMarkWriter::Open(directory, prefix.log, prefix.epoch));
  mark.Write(recovery.last, history);  // and has its block, whatever the disk is filled with later
  return OpenedLog{.files = std::move(files),
                   .chain = SegmentChain(std::move(segments), std::move(live), std::move(spares)),
                   .builder = builder,
                   .mark = std::move(mark),
                   .time = time,
                   .history = history,
                   .recovery = recovery};
}

}  // namespace dr::inline v0
