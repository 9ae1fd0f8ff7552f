#include "dr/log/wal.h"

#include <algorithm>
#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/base/status_macros.h"
#include "src/log/group_commit.h"
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
absl::Status GiveBack(SegmentFiles& files, LogSegment& newest, const RecoveredTail& tail) {
  if (newest.file_bytes <= tail.written_end) return absl::OkStatus();
  DR_RETURN_IF_ERROR(files.ReleaseBehind(newest.prefix.number, tail.written_end));
  newest.file_bytes = tail.written_end;
  return absl::OkStatus();
}

absl::StatusOr<SegmentFile> FirstFile(SegmentFiles& files) {
  if (files.spares() > 0) return files.TakeSpare();
  return files.MakeSpare(files.ReserveSpares(1).first);
}

// Old segments are never edited: what was valid above the evidence goes into the new one, which
// becomes visible only when it is durable, and says where its predecessor ends.
absl::Status CopyTail(Directory& directory, SegmentFiles& files,
                      const std::vector<LogSegment>& segments, const RecoveredTail& tail,
                      const WalOptions& options, LiveSegment& live, std::uint64_t* copied) {
  if (tail.observed.last <= tail.cut.last_lsn) return absl::OkStatus();
  DR_ASSIGN_OR_RETURN(
      std::unique_ptr<LogReader> reader,
      OpenRecovered(directory, segments, tail.observed.stop_offset, Next(tail.cut.last_lsn)));
  AlignedBuffer buffer(options.group_bytes);
  bool open = false;
  const auto write = [&]() -> absl::Status {
    const std::string_view bytes = live.builder.Finish();
    open = false;
    DR_RETURN_IF_ERROR(files.WriteAndSync(live.file.segment, live.offset, bytes));
    live.offset += bytes.size();
    return absl::OkStatus();
  };
  for (;;) {
    DR_ASSIGN_OR_RETURN(std::optional<RecordView> record, reader->Next());
    if (!record || record->lsn > tail.observed.last) break;
    for (bool whole = false; !whole;) {
      if (!open) {
        live.builder.Begin(buffer.span(), record->lsn, tail.cut.last_lsn, record->time_ns);
        open = true;
      }
      whole = live.builder.Add(*record);
      if (!whole) DR_RETURN_IF_ERROR(write());
    }
    ++*copied;
  }
  if (open) DR_RETURN_IF_ERROR(write());
  // The file may have grown past its usual size; its footer still needs a prepared block.
  if (live.file.prepared_bytes < live.offset + kBlockBytes) {
    std::fill(buffer.span().begin(), buffer.span().end(), '\0');
    DR_RETURN_IF_ERROR(
        files.WriteAndSync(live.file.segment, live.offset, {buffer.data(), kBlockBytes}));
    live.file.prepared_bytes = live.offset + kBlockBytes;
  }
  return absl::OkStatus();
}

}  // namespace

class Wal::Impl {
 public:
  Impl(const WalOptions& options, std::unique_ptr<SegmentFiles> files, DurableMarkWriter mark,
       LiveSegment live, std::vector<LogSegment> older, const WalRecovery& recovery, LogTime time)
      : recovery(recovery),
        commit(options, std::move(files), std::move(mark), std::move(live), std::move(older),
               recovery.last, time) {}

  const WalRecovery recovery;
  GroupCommit commit;
};

absl::StatusOr<std::unique_ptr<Wal>> Wal::Open(Directory& directory, const WalOptions& options) {
  DR_RETURN_IF_ERROR(CheckOptions(options));
  DR_ASSIGN_OR_RETURN(std::unique_ptr<SegmentFiles> files,
                      SegmentFiles::Open(directory, options.segment_bytes));
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
  DR_ASSIGN_OR_RETURN(SegmentFile file, FirstFile(*files));
  LiveSegment live{
      .segment = {.name = SegmentName(prefix.number), .prefix = prefix, .prefix_hash = hash},
      .file = std::move(file),
      .offset = kBlockBytes,
      .builder = GroupBuilder(prefix, hash)};
  WalRecovery recovery{.last = tail.observed.last,
                       .recorded_durable = tail.observed.evidence,
                       .groups_behind = tail.groups_behind,
                       .created = segments.empty()};
  if (!segments.empty()) {
    DR_RETURN_IF_ERROR(
        CopyTail(directory, *files, segments, tail, options, live, &recovery.copied_records));
  }
  // A batch that was cut may reach back over several segments.
  for (LogSegment& segment : segments) {
    segment.end.last_lsn = std::min(segment.end.last_lsn, tail.cut.last_lsn);
  }
  DR_RETURN_IF_ERROR(files->Activate(live.file, prefix.number, first_block));
  DR_ASSIGN_OR_RETURN(DurableMarkWriter mark,
                      DurableMarkWriter::Open(directory, prefix.log, prefix.epoch));
  mark.Write(recovery.last);  // and has its block, whatever the disk is filled with later
  return std::unique_ptr<Wal>(
      new Wal(std::make_unique<Impl>(options, std::move(files), std::move(mark), std::move(live),
                                     std::move(segments), recovery, time)));
}

Wal::Wal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Wal::~Wal() = default;

void Wal::Bind(OperationLog& log) { impl_->commit.Bind(log); }
absl::Status Wal::MakeRoom(std::uint64_t count, const Context& context) {
  return WithinMemory([&] { return impl_->commit.MakeRoom(count, context); });
}
absl::Status Wal::Admit(std::size_t payload_bytes, const Context& context) {
  return WithinMemory([&] { return impl_->commit.Admit(payload_bytes, context); });
}
void Wal::Withdraw(std::size_t payload_bytes) { impl_->commit.Withdraw(payload_bytes); }
absl::Status Wal::Stage(Lsn upto, const Context& context) {
  return impl_->commit.Stage(upto, context);
}
absl::Status Wal::Persist(Lsn upto, const Context& context) {
  return impl_->commit.Persist(upto, context);
}
Lsn Wal::durable() const { return impl_->commit.durable(); }
absl::Status Wal::Seal(const Context& context) {
  return WithinMemory([&] { return impl_->commit.Seal(context); });
}
absl::StatusOr<bool> Wal::Prepare() {
  return WithinMemory([&] { return impl_->commit.Prepare(); });
}
absl::Status Wal::HoldGrowth(bool held) {
  return WithinMemory([&] { return impl_->commit.HoldGrowth(held); });
}
absl::Status Wal::Trim(Lsn keep_from) {
  return WithinMemory([&] { return impl_->commit.Trim(keep_from); });
}

absl::StatusOr<std::unique_ptr<WalReader>> Wal::Read(Lsn from) {
  GroupCommit& commit = impl_->commit;
  return LogReader::Open(commit.directory(),
                         {.segment_with = [&commit](Lsn lsn) { return commit.SegmentWith(lsn); },
                          .locate = [&commit](std::uint64_t n) { return commit.Locate(n); }},
                         from);
}

const WalRecovery& Wal::recovery() const { return impl_->recovery; }
Epoch Wal::epoch() const { return impl_->commit.prefix().epoch; }
LogId Wal::log_id() const { return impl_->commit.prefix().log; }
std::int64_t Wal::last_time_ns() const { return impl_->commit.last_time_ns(); }
std::chrono::nanoseconds Wal::time_ahead() const { return impl_->commit.time_ahead(); }
absl::Status Wal::status() const { return impl_->commit.status(); }
WalFigures Wal::figures() const { return impl_->commit.figures(); }

}  // namespace dr::inline v0
