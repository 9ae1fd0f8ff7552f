#include "src/log/group_commit.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {
namespace {

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
      older_(std::move(older)),
      live_(std::move(live)),
      buffers_{AlignedBuffer(options.group_bytes), AlignedBuffer(options.group_bytes),
               AlignedBuffer(options.group_bytes)},
      rotation_block_(kBlockBytes),
      footer_block_(kBlockBytes),
      staged_(last),
      unit_lsn_(last),
      dispatched_(last),
      durable_(last.value),
      recorded_(last),
      readable_end_(live_.offset),
      time_(time) {
  older_.reserve(older_.size() + files_->spares() + 2);
}

absl::Status GroupCommit::Healthy() const {
  if (!poison_.ok()) return Poisoned(poison_);
  if (fork_guard_.InChild()) {
    return Poisoned(MakeFault({.kind = FaultKind::kPoisoned, .next = "open it in the parent only"},
                              "this process was forked from the one that has the log open"));
  }
  return absl::OkStatus();
}

GroupCommit::Section::~Section() { log_.Unlock(); }

// Wakes and tells with the mutex given back, so that nobody who is woken runs into it.
void GroupCommit::Unlock() {
  WaiterList woken = std::exchange(woken_, {});
  std::vector<Event> events = std::move(events_);
  events_.clear();
  mutex_.unlock();
  for (Waiter *waiter = woken.first(), *next = nullptr; waiter != nullptr; waiter = next) {
    next = WaiterList::After(*waiter);
    waiter->Wake();
  }
  if (options_.observer == nullptr) return;
  for (const Event& event : events) options_.observer->OnEvent(event);
}

// ---- Leading ------------------------------------------------------------------------------------

bool GroupCommit::SegmentFull() const {
  return !open_ && UsableBlocks(live_.file.prepared_bytes, live_.offset) == 0;
}

// A second group goes out beside the first one when it is at least as large. A smaller one would
// only split the writers into ever smaller crowds, each of which costs the device as much as all
// together.
bool GroupCommit::CanLead(const OperationLog& log) const {
  if (rotating_ || in_flight_count_ == in_flight_.size()) return false;
  // The kernel tells a failed writeback to one of the syncs that run at once, so only one may run.
  if (!files_->direct() && (in_flight_count_ > 0 || preparing_live_)) return false;
  if (in_flight_count_ == 1 && !open_full_ &&
      log.last().value - dispatched_.value < in_flight_[oldest_].records) {
    return false;
  }
  return !SegmentFull() || (in_flight_count_ == 0 && !preparing_ && files_->SpareBlocks() > 0);
}

void GroupCommit::Lead(OperationLog& log) {
  if (SegmentFull()) return Rotate(log);
  Encode(log);
  if (open_) WriteGroup(log);
}

bool GroupCommit::OpenGroup(Lsn first_lsn, std::int64_t time_ns) {
  const std::uint64_t room = UsableBlocks(live_.file.prepared_bytes, live_.offset) * kBlockBytes;
  if (room == 0 || rotating_) return false;
  // Two are in flight at most, so one of three buffers is free.
  std::array<bool, 3> taken = {};
  for (const InFlight& group : in_flight_) {
    if (group.used) taken[group.buffer] = true;
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

void GroupCommit::Encode(OperationLog& log) {
  const Lsn last = log.last();
  while (staged_ < last && !open_full_) {
    LogEntry* entry = log.At(Next(staged_));
    // Its producer has the ticket and is about to publish.
    while (entry == nullptr) {
      std::this_thread::yield();
      entry = log.At(Next(staged_));
    }
    RecordView& record = entry->record;
    // Once: a record that goes on from the group before has its time there.
    if (!live_.builder.in_record()) record.time_ns = time_.Record(record.time_ns);
    if (!open_ && !OpenGroup(record.lsn, record.time_ns)) break;
    if (!live_.builder.Add(record)) {
      open_full_ = true;
      break;
    }
    if (record.payload.size() > kSmallRecordBytes) large_bytes_ -= record.payload.size();
    if (!record.batch_continues) unit_lsn_ = record.lsn;
    ++staged_.value;
  }
  log.Release(staged_);
  UpdateLimit(log);
}

void GroupCommit::WriteGroup(OperationLog& log) {
  InFlight& group = in_flight_[(oldest_ + in_flight_count_) % in_flight_.size()];
  figures_.records += live_.builder.record_count();
  const std::string_view bytes = live_.builder.Finish();
  group = {.used = true,
           .offset = live_.offset,
           .end_offset = live_.offset + bytes.size(),
           .end_hash = live_.builder.hash(),
           .bytes = bytes,
           .unit_lsn = unit_lsn_,
           .last_lsn = staged_,
           .evidence = open_evidence_,
           .records = staged_.value - dispatched_.value,
           .buffer = open_buffer_};
  ++in_flight_count_;
  live_.offset = group.end_offset;
  open_ = open_full_ = false;
  dispatched_ = staged_;
  ++figures_.groups;
  figures_.bytes += bytes.size();
  UpdateLimit(log);

  const SegmentFile& file = live_.file;  // no rotation while a group is in flight
  const std::uint64_t prepared_bytes = file.prepared_bytes;
  Unlock();
  absl::Status written = WithinMemory([&] {
    absl::Status status = files_->WriteAndSync(file, group.offset, bytes);
    return status.ok() ? CheckFile(file, prepared_bytes) : status;
  });
  mutex_.lock();

  if (!written.ok()) Poison(log, std::move(written));
  group.done = true;
  Complete(log);
}

// Acknowledges in order: what is behind an unfinished group waits for it.
void GroupCommit::Complete(const OperationLog& log) {
  while (in_flight_count_ > 0 && in_flight_[oldest_].done) {
    InFlight& group = in_flight_[oldest_];
    if (poison_.ok()) {
      recorded_ = std::max(recorded_, group.evidence);
      // Readers see whole batches only.
      if (group.unit_lsn == group.last_lsn) readable_end_ = group.end_offset;
      if (group.unit_lsn > durable()) {
        mark_.Write(group.unit_lsn);
        durable_.store(group.unit_lsn.value, std::memory_order_release);
      }
    }
    group.used = group.done = false;
    oldest_ = (oldest_ + 1) % in_flight_.size();
    --in_flight_count_;
  }
  Wake(log);
}

// A file that was removed, replaced or cut under the writer would take what follows with it.
// `bytes`: all that was prepared; the group itself has made a file that was cut long enough for it.
absl::Status GroupCommit::CheckFile(const SegmentFile& file, std::uint64_t bytes) const {
  absl::StatusOr<FileInfo> info = file.file->Info();
  if (!info.ok()) return NamedAsNow(file, info.status());
  if (info->links > 0 && info->size >= bytes) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kIo,
                    .place = std::string(file.name),
                    .next = "keep other programs out of the log's folder"},
                   info->links == 0 ? "the segment was deleted while it was written"
                                    : "the segment was cut short while it was written");
}

void GroupCommit::Poison(OperationLog& log, absl::Status why) {
  if (!poison_.ok()) return;
  // "No space" would say that the operation was not taken, but its place in the log is given.
  if (absl::IsResourceExhausted(why)) {
    why =
        MakeFault({.kind = FaultKind::kIo, .next = "open the log again, which tells what was kept"},
                  AsStd(why.message()));
  }
  poison_ = std::move(why);
  log.Close();
  Tell({.kind = EventKind::kLogPoisoned, .lsn = durable(), .status = poison_},
       "the log takes nothing more until it is opened again");
}

// The event goes out when the mutex is given back. One for which there is no memory is left out;
// what it would say, callers get as a status.
void GroupCommit::Tell(Event event, std::string_view text) noexcept {
  try {
    event.text = text;
    events_.push_back(std::move(event));
  } catch (const std::bad_alloc&) {
    return;
  }
}

// ---- Segments -----------------------------------------------------------------------------------

void GroupCommit::Rotate(OperationLog& log) {
  rotating_ = true;
  live_.builder.Begin(footer_block_.span(), Next(staged_), durable(), time_.last_ns());
  const std::string_view footer = live_.builder.FinishFooter();
  SegmentPrefix prefix = live_.segment.prefix;
  prefix.previous = {prefix.number, prefix.salt, live_.offset + footer.size(), live_.builder.hash(),
                     staged_};
  ++prefix.number;
  prefix.first_lsn = Next(staged_);
  prefix.durable_lsn = durable();
  prefix.created = absl::FromUnixNanos(LogTime(time_).Record(0));
  absl::StatusOr<std::uint64_t> salt = options_.random->Next();
  absl::StatusOr<SegmentFile> next =
      salt.ok() ? files_->TakeSpare() : absl::StatusOr<SegmentFile>(salt.status());
  absl::Status written = next.status();
  if (written.ok()) {
    prefix.salt = *salt;
    const std::uint64_t footer_offset = live_.offset;
    const SegmentFile& ending = live_.file;  // `rotating_` keeps it in place without the lock
    Unlock();
    EncodePrefixInto(rotation_block_.span(), prefix);
    written = WithinMemory(
        [&] { return WriteRotation(ending, footer, footer_offset, *next, prefix.number); });
    mutex_.lock();
  }
  rotating_ = false;
  if (!written.ok()) {
    Poison(log, std::move(written));
    return Wake(log);
  }
  live_.segment.end = prefix.previous;
  live_.segment.file_bytes = live_.file.prepared_bytes;
  older_.push_back(live_.segment);  // PrepareStep has kept a place for it
  const std::string_view block(rotation_block_.data(), kBlockBytes);
  live_.segment = {.name = next->name,
                   .prefix = prefix,
                   .prefix_hash = PrefixHash(block),
                   .continues = live_.builder.in_record()};
  live_.file = *std::move(next);
  live_.offset = readable_end_ = kBlockBytes;
  live_.builder.NextSegment(prefix, live_.segment.prefix_hash);
  recorded_ = durable();
  ++figures_.rotations;
  UpdateLimit(log);
  Wake(log);
}

absl::Status GroupCommit::WriteRotation(const SegmentFile& ending, std::string_view footer,
                                        std::uint64_t footer_offset, SegmentFile& next,
                                        std::uint64_t number) {
  DR_RETURN_IF_ERROR(files_->WriteAndSync(ending, footer_offset, footer));
  return files_->Activate(next, number, {rotation_block_.data(), kBlockBytes});
}

absl::Status GroupCommit::Seal(OperationLog& log) {
  DR_RETURN_IF_ERROR(status());
  DR_RETURN_IF_ERROR(Persist(log, log.last(), {}));
  Section section(*this);
  const Lsn target = durable();
  while (recorded_ < target) {
    DR_RETURN_IF_ERROR(Healthy());
    if (!preparing_ && !rotating_ && FreeBlocks() <= ReservedBlocks(log)) {
      DR_RETURN_IF_ERROR(PrepareStep(log));
    } else if (!CanLead(log)) {
      DR_RETURN_IF_ERROR(Wait({}));
    } else if (open_ || SegmentFull() || live_.builder.in_record()) {
      Lead(log);  // whatever is written next records the evidence
    } else if (FreeBlocks() > ReservedBlocks(log)) {
      if (OpenGroup(Next(staged_), time_.last_ns())) WriteGroup(log);
      ++figures_.seals;
    } else {
      DR_RETURN_IF_ERROR(Wait({}));
    }
  }
  return absl::OkStatus();
}

// The files are retired without the mutex, since nobody looks for them any more and commits need
// not wait for that. What is left behind by a failure goes with the next trim.
absl::Status GroupCommit::Trim(Lsn keep_from) {
  MutexLock one_at_a_time(trim_mutex_);
  Section section(*this);
  DR_RETURN_IF_ERROR(Healthy());
  const std::uint64_t below = NeededFrom(keep_from);
  if (older_.empty() || older_.front().prefix.number >= below) return absl::OkStatus();
  std::erase_if(older_, [&](const LogSegment& s) { return s.prefix.number < below; });
  const SegmentFiles::SpareNumbers numbers = files_->ReserveSpares();
  Unlock();
  absl::StatusOr<std::vector<SegmentFile>> recycled =
      WithinMemory([&] { return files_->RetireBelow(below, numbers); });
  mutex_.lock();
  DR_RETURN_IF_ERROR(recycled.status());
  figures_.recycled += recycled->size();
  files_->AddSpares(*std::move(recycled));
  return absl::OkStatus();
}

// The oldest segment that holds a part of what is needed.
std::uint64_t GroupCommit::NeededFrom(Lsn keep_from) const {
  for (std::size_t i = 0; i < older_.size(); ++i) {
    if (older_[i].end.last_lsn >= keep_from) return older_[i].prefix.number;
    // A record that is needed may begin in a segment whose own records are not.
    const LogSegment& next = i + 1 < older_.size() ? older_[i + 1] : live_.segment;
    if (next.continues && next.prefix.first_lsn >= keep_from) return older_[i].prefix.number;
  }
  return live_.segment.prefix.number;
}

// ---- Looking in ---------------------------------------------------------------------------------

absl::StatusOr<SegmentExtent> GroupCommit::Locate(std::uint64_t number) const {
  MutexLock lock(mutex_);
  if (number == live_.segment.prefix.number) {
    return SegmentExtent{live_.segment, readable_end_, staged_, durable(), true};
  }
  for (const LogSegment& segment : older_) {
    if (segment.prefix.number != number) continue;
    return SegmentExtent{segment, segment.end.offset, segment.end.last_lsn, durable(), false};
  }
  return MakeFault({.kind = FaultKind::kWalGap,
                    .place = std::string(SegmentName(number)),
                    .next = "read from a later position, or from a checkpoint"},
                   "this part of the log was trimmed");
}

absl::StatusOr<std::uint64_t> GroupCommit::SegmentWith(Lsn from) const {
  MutexLock lock(mutex_);
  if (live_.segment.prefix.first_lsn <= from) return live_.segment.prefix.number;
  for (auto it = older_.rbegin(); it != older_.rend(); ++it) {
    if (it->prefix.first_lsn <= from) return it->prefix.number;
  }
  const LogSegment& oldest = older_.empty() ? live_.segment : older_.front();
  return MakeFault({.kind = FaultKind::kWalGap,
                    .place = std::string(oldest.name),
                    .lsn = from,
                    .next = "read from a checkpoint"},
                   fmt::format("the log begins at {}", oldest.prefix.first_lsn.value));
}

absl::Status GroupCommit::status() const {
  MutexLock lock(mutex_);
  return Healthy();
}

std::int64_t GroupCommit::last_time_ns() const {
  MutexLock lock(mutex_);
  return time_.last_ns();
}

std::chrono::nanoseconds GroupCommit::time_ahead() const {
  MutexLock lock(mutex_);
  return time_.ahead();
}

WalFigures GroupCommit::figures() const {
  MutexLock lock(mutex_);
  WalFigures figures = figures_;
  figures.segments = older_.size() + 1;
  for (const LogSegment& segment : older_) figures.log_bytes += segment.end.offset;
  figures.log_bytes += live_.offset;
  figures.unsealed_records = durable().value - recorded_.value;
  figures.direct = files_->direct();
  figures.no_space = no_space_;
  return figures;
}

}  // namespace dr::inline v0
