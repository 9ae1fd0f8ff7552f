#include "src/log/group_commit.h"

#include <algorithm>
#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/assert.h"
#include "src/base/out_of_memory.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {
namespace {

// Where memory ends in the middle, what has happened is not known.
template <typename Body>
absl::Status AfterAnEffect(Body body) {
  const bool begun = true;
  return WithinMemory(body, &begun);
}

absl::Status Poisoned(const absl::Status& why) {
  return MakeFault(
      {.kind = FaultKind::kPoisoned, .next = "open the log again; what was acknowledged is safe"},
      fmt::format("the log takes nothing more after a failure: {}", AsStd(why.message())));
}

}  // namespace

GroupCommit::GroupCommit(const WalOptions& options, std::unique_ptr<SegmentFiles> files,
                         DurableMarkWriter mark, LiveSegment live, std::vector<LogSegment> older,
                         Lsn last, LogTime time)
    : options_(options),
      files_(std::move(files)),
      mark_(std::move(mark)),
      first_prefix_(live.segment.prefix),
      events_(options.observer),
      older_(std::move(older)),
      live_(std::move(live)),
      buffers_{AlignedBuffer(options.group_bytes), AlignedBuffer(options.group_bytes),
               AlignedBuffer(options.group_bytes)},
      rotation_block_(kBlockBytes),
      footer_block_(kBlockBytes),
      recorded_(last),
      durable_(last.value),
      dispatched_(last),
      unit_lsn_(last),
      staged_(last),
      allowed_(last),
      readable_end_(live_.offset),
      time_(time) {
  older_.reserve(older_.size() + files_->spares() + 2);
}

void GroupCommit::Bind(OperationLog& log) {
  Section section(*this);
  DR_ASSERT(log_ == nullptr && log.last() == staged_);
  log_ = &log;
}

// Before any lock: in a forked child another thread of the parent may hold it for ever.
absl::Status GroupCommit::InParent() const {
  if (!fork_guard_.InChild()) return absl::OkStatus();
  return Poisoned(MakeFault({.kind = FaultKind::kPoisoned, .next = "open it in the parent only"},
                            "this process was forked from the one that has the log open"));
}

absl::Status GroupCommit::Healthy() const {
  return poison_.ok() ? absl::OkStatus() : Poisoned(poison_);
}

void GroupCommit::Check() const {
  DR_ASSERT(recorded_ <= durable() && durable() <= dispatched_ && dispatched_ <= unit_lsn_);
  DR_ASSERT(unit_lsn_ <= staged_ && staged_ <= allowed_);
  DR_ASSERT(readable_end_ <= live_.offset);
  DR_ASSERT(live_.offset + kBlockBytes <= live_.file.prepared_bytes);
  DR_ASSERT(in_flight_count_ <= in_flight_.size());
  DR_ASSERT(!rotation_ || in_flight_count_ == 0);
  DR_ASSERT(!preparing_live_ || (preparing_ && !rotation_));
}

// ---- Leading ------------------------------------------------------------------------------------

bool GroupCommit::SegmentFull() const {
  return !open_ && UsableBlocks(live_.file.prepared_bytes, live_.offset) == 0;
}

// A second group goes out beside the first one when it is at least as large. A smaller one would
// only split the writers into ever smaller crowds, each of which costs the device as much as all
// together.
bool GroupCommit::CanLead() const {
  if (rotation_ || stalled_ || in_flight_count_ == in_flight_.size()) return false;
  // The kernel tells a failed writeback to one of the syncs that run at once, so only one may run.
  if (!files_->direct() && (in_flight_count_ > 0 || preparing_live_)) return false;
  if (in_flight_count_ == 1 && !open_full_ &&
      log_->last().value - dispatched_.value < in_flight_[oldest_].records) {
    return false;
  }
  return !SegmentFull() || (in_flight_count_ == 0 && !preparing_ && files_->SpareBlocks() > 0);
}

void GroupCommit::Lead() {
  if (SegmentFull()) return Rotate();
  Encode();
  if (open_) WriteGroup();
}

bool GroupCommit::OpenGroup(Lsn first_lsn, std::int64_t time_ns) {
  const std::uint64_t room = UsableBlocks(live_.file.prepared_bytes, live_.offset) * kBlockBytes;
  if (room == 0 || rotation_) return false;
  // Two are in flight at most, so one of three buffers is free.
  std::array<bool, 3> taken = {};
  for (const InFlight& group : in_flight_) {
    if (group.state != InFlight::State::kFree) taken[group.buffer] = true;
  }
  open_buffer_ =
      static_cast<std::size_t>(std::find(taken.begin(), taken.end(), false) - taken.begin());
  open_evidence_ = durable();
  live_.builder.Begin(
      buffers_[open_buffer_].span().first(std::min<std::uint64_t>(room, options_.group_bytes)),
      first_lsn, open_evidence_, time_ns);
  open_ = true;
  open_full_ = false;
  return true;
}

void GroupCommit::Encode() {
  const Lsn last = log_->last();
  const std::int64_t now_ns = time_.wall_ns();
  while (staged_ < last && !open_full_) {
    RecordView& record = log_->AwaitEntry(Next(staged_)).record;
    // Once: a record that goes on from the group before has its time there.
    if (!live_.builder.in_record()) record.time_ns = time_.Record(record.time_ns, now_ns);
    if (!open_ && !OpenGroup(record.lsn, record.time_ns)) break;
    if (!live_.builder.Add(record)) {
      open_full_ = true;
      break;
    }
    if (record.payload.size() > kSmallRecordBytes) {
      DR_ASSERT(large_bytes_ >= record.payload.size());
      large_bytes_ -= record.payload.size();
    }
    ++staged_.value;
    if (!record.batch_continues) unit_lsn_ = staged_;
  }
  log_->Release(staged_);
  UpdateLimit();
}

void GroupCommit::WriteGroup() {
  const std::size_t slot = (oldest_ + in_flight_count_) % in_flight_.size();
  DR_ASSERT(in_flight_[slot].state == InFlight::State::kFree);
  figures_.records += live_.builder.record_count();
  const std::string_view bytes = live_.builder.Finish();
  in_flight_[slot] = {.offset = live_.offset,
                      .end_offset = live_.offset + bytes.size(),
                      .bytes = bytes,
                      .unit_lsn = unit_lsn_,
                      .last_lsn = staged_,
                      .evidence = open_evidence_,
                      .records = staged_.value - dispatched_.value,
                      .buffer = open_buffer_};
  ++in_flight_count_;
  live_.offset = in_flight_[slot].end_offset;
  open_ = open_full_ = false;
  dispatched_ = unit_lsn_;
  ++figures_.groups;
  figures_.bytes += bytes.size();
  UpdateLimit();
  Write(slot);
}

void GroupCommit::Write(std::size_t slot) {
  in_flight_[slot].state = InFlight::State::kWriting;
  const NamedFile file = live_.file.segment;
  const std::uint64_t offset = in_flight_[slot].offset, prepared = live_.file.prepared_bytes;
  const std::string_view bytes = in_flight_[slot].bytes;
  DR_ASSERT(offset + bytes.size() + kBlockBytes <= prepared);
  Unlock();
  bool no_room = false;
  absl::Status written = AfterAnEffect([&] {
    const absl::Status status = files_->WriteAndSync(file, offset, bytes);
    no_room = IsFault(status, FaultKind::kNoSpace);
    return status.ok() ? CheckFile(file, prepared) : status;
  });
  mutex_.lock();
  if (no_room) {
    in_flight_[slot].state = InFlight::State::kStalled;
    return Stall(written);
  }
  if (!written.ok()) Poison(std::move(written));
  in_flight_[slot].state = InFlight::State::kWritten;
  Acknowledge();
}

// In order: what is behind an unfinished group waits for it. The mark is written without the mutex,
// by one thread at a time, while the group still counts as in flight.
void GroupCommit::Acknowledge() {
  if (std::exchange(acknowledging_, true)) return;  // the thread that does it goes on with this one
  while (in_flight_count_ > 0 && in_flight_[oldest_].state == InFlight::State::kWritten) {
    const InFlight group = in_flight_[oldest_];
    if (poison_.ok()) {
      if (group.unit_lsn > durable()) {
        Unlock();
        mark_.Write(group.unit_lsn);
        mutex_.lock();
        durable_.store(group.unit_lsn.value, std::memory_order_release);
      }
      recorded_ = std::max(recorded_, group.evidence);
      // Readers see whole batches only.
      if (group.unit_lsn == group.last_lsn) readable_end_ = group.end_offset;
    }
    in_flight_[oldest_].state = InFlight::State::kFree;
    oldest_ = (oldest_ + 1) % in_flight_.size();
    --in_flight_count_;
    Wake();
  }
  acknowledging_ = false;
  if (!poison_.ok()) Wake();
}

// A file that was removed, replaced or cut under the writer would take what follows with it.
// `bytes`: all that was prepared; the group itself has made a file that was cut long enough for it.
absl::Status GroupCommit::CheckFile(const NamedFile& file, std::uint64_t bytes) const {
  absl::StatusOr<FileInfo> info = file.file->Info();
  if (!info.ok()) return NamedAsNow(file, info.status());
  if (info->links > 0 && info->size >= bytes) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kIo,
                    .place = std::string(file.name),
                    .next = "keep other programs out of the log's folder"},
                   info->links == 0 ? "the segment was deleted while it was written"
                                    : "the segment was cut short while it was written");
}

void GroupCommit::Poison(absl::Status why) {
  if (!poison_.ok()) return;
  poison_ = std::move(why);
  log_->Close();
  events_.Add({.kind = EventKind::kLogPoisoned, .lsn = durable(), .status = poison_},
              "the log takes nothing more until it is opened again");
}

// For a caller whose operation has its Lsn: it may be in the log, so nothing may tell the caller to
// try again.
absl::Status GroupCommit::Unsettled(Lsn upto) const {
  const std::optional<Fault> fault = FaultOf(poison_);
  return MakeFault({.kind = FaultKind::kAmbiguous,
                    .place = fault ? fault->place : "",
                    .offset = fault ? fault->offset : std::nullopt,
                    .lsn = upto,
                    .next = "open the log again, which tells what was kept"},
                   fmt::format("the log failed before the operation was known to be durable: {}",
                               AsStd(poison_.message())));
}

// ---- Segments -----------------------------------------------------------------------------------

void GroupCommit::Rotate() {
  live_.builder.Begin(footer_block_.span(), Next(staged_), durable(), time_.last_ns());
  Rotation& rotation = rotation_.emplace();
  rotation.footer = live_.builder.FinishFooter();
  rotation.footer_offset = live_.offset;
  rotation.prefix = live_.segment.prefix;
  SegmentPrefix& prefix = rotation.prefix;
  prefix.previous = {prefix.number, prefix.salt, live_.offset + rotation.footer.size(),
                     live_.builder.hash(), staged_};
  ++prefix.number;
  prefix.first_lsn = Next(staged_);
  prefix.durable_lsn = durable();
  prefix.created = absl::FromUnixNanos(LogTime(time_).Record(0, time_.wall_ns()));
  rotation.next = files_->TakeSpare();
  RunRotation();
}

// The rotation moves out of the mutex: its thread has it, and what is left says that there is one.
void GroupCommit::RunRotation() {
  Rotation rotation = std::move(*rotation_);
  const NamedFile ending = live_.file.segment;
  Unlock();
  bool no_room = false;
  absl::Status written = AfterAnEffect([&] {
    const absl::Status status = WriteRotation(ending, rotation);
    no_room = IsFault(status, FaultKind::kNoSpace);
    return status;
  });
  mutex_.lock();
  if (no_room) {
    rotation_ = std::move(rotation);
    return Stall(written);
  }
  if (written.ok()) {
    EnterSegment(rotation.prefix, std::move(rotation.next));
    rotation_.reset();
    UpdateLimit();
  } else {
    rotation_.reset();
    Poison(std::move(written));
  }
  Wake();
}

absl::Status GroupCommit::WriteRotation(const NamedFile& ending, Rotation& rotation) {
  if (!rotation.footer_written) {
    DR_ASSIGN_OR_RETURN(rotation.prefix.salt, options_.random->Next());
    EncodePrefixInto(rotation_block_.span(), rotation.prefix);
    DR_RETURN_IF_ERROR(files_->WriteAndSync(ending, rotation.footer_offset, rotation.footer));
    rotation.footer_written = true;
  }
  return files_->Activate(rotation.next, rotation.prefix.number,
                          {rotation_block_.data(), kBlockBytes});
}

void GroupCommit::EnterSegment(const SegmentPrefix& prefix, SegmentFile file) {
  live_.segment.end = prefix.previous;
  live_.segment.file_bytes = live_.file.prepared_bytes;
  DR_ASSERT(older_.size() < older_.capacity());  // PrepareStep has kept a place for it
  older_.push_back(live_.segment);
  live_.segment = {.name = file.segment.name,
                   .prefix = prefix,
                   .prefix_hash = PrefixHash({rotation_block_.data(), kBlockBytes}),
                   .continues = live_.builder.in_record()};
  live_.file = std::move(file);
  live_.offset = readable_end_ = kBlockBytes;
  live_.builder.NextSegment(prefix, live_.segment.prefix_hash);
  recorded_ = std::max(recorded_, prefix.durable_lsn);
  ++figures_.rotations;
}

absl::Status GroupCommit::Seal(const Context& context) {
  DR_RETURN_IF_ERROR(InParent());
  Section section(*this);
  const Lsn target = log_->last();
  while (recorded_ < target) {
    DR_RETURN_IF_ERROR(Healthy());
    if (stalled_) {
      DR_RETURN_IF_ERROR(Retry());
    } else if (CanPrepare() && FreeBlocks() <= ReservedBlocks()) {
      DR_RETURN_IF_ERROR(PrepareStep());
    } else if (!CanLead()) {
      DR_RETURN_IF_ERROR(Wait(context));
    } else if (dispatched_ < target || open_ || SegmentFull() || live_.builder.in_record()) {
      Lead();  // whatever is written next records the evidence
    } else if (durable() < target) {
      DR_RETURN_IF_ERROR(Wait(context));
    } else if (FreeBlocks() > ReservedBlocks() && OpenGroup(Next(staged_), time_.last_ns())) {
      WriteGroup();
      ++figures_.seals;
    } else {
      DR_RETURN_IF_ERROR(Wait(context));
    }
  }
  return absl::OkStatus();
}

// The files are retired without the mutex, since nobody looks for them any more and commits need
// not wait for that. What is left behind by a failure goes with the next trim.
absl::Status GroupCommit::Trim(Lsn keep_from) {
  DR_RETURN_IF_ERROR(InParent());
  Section section(*this);
  DR_RETURN_IF_ERROR(Healthy());
  while (trimming_) DR_RETURN_IF_ERROR(Wait({}));
  const std::uint64_t below = NeededFrom(keep_from);
  if (older_.empty() || older_.front().prefix.number >= below) return absl::OkStatus();
  const SegmentFiles::SpareNumbers numbers = files_->ReserveSpares(files_->SparesWanted());
  files_->MakePlaces(numbers.count + 1);  // one more for the spare that is being prepared
  std::erase_if(older_, [&](const LogSegment& s) { return s.prefix.number < below; });
  trimming_ = true;
  Unlock();
  absl::StatusOr<std::vector<SegmentFile>> recycled =
      WithinMemory([&] { return files_->RetireBelow(below, numbers); });
  mutex_.lock();
  trimming_ = false;
  if (recycled.ok()) {
    figures_.recycled += recycled->size();
    for (SegmentFile& spare : *recycled) files_->AddSpare(std::move(spare));
    if (!recycled->empty()) FoundSpace(absl::OkStatus());
    UpdateLimit();
  }
  Wake();
  return recycled.status();
}

}  // namespace dr::inline v0
