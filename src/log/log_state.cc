#include "src/log/log_state.h"

#include <utility>

#include "src/base/assert.h"
#include "src/format/history.h"

namespace dr::inline v0 {

LogState::LogState(OpenedLog opened, bool direct, std::size_t group_bytes)
    : positions(opened.recovery.last, opened.history),
      chain(std::move(opened.chain)),
      encoder(opened.builder, opened.time, opened.history, group_bytes),
      mark(std::move(opened.mark)),
      direct_(direct) {}

void LogState::Bind(OperationLog& ring) {
  DR_ASSERT(ring_ == nullptr && ring.last() == positions.staged());
  ring_ = &ring;
}

OperationLog& LogState::ring() const {
  DR_ASSERT(ring_ != nullptr);
  return *ring_;
}

PreparedSpace LogState::Space() const {
  return {.live_blocks = chain.LiveBlocks(),
          .spare_blocks = chain.spares().Blocks(),
          .open_bytes = encoder.size(),
          .promised = positions.promised()};
}

void LogState::UpdateLimit() {
  if (!health.well()) return;
  positions.Allow(space.Limit(Space(), positions.staged(), ring().capacity()));
  if (positions.allowed() != ring().limit()) ring().Allow(positions.allowed());
}

// A second group goes out beside the first one when it is at least as large. A smaller one would
// only split the writers into ever smaller crowds, each of which costs the device as much as all
// together.
bool LogState::CanLead() const {
  if (!health.well() || work.rotating() || in_flight.full()) return false;
  // The kernel tells a failed writeback to one of the syncs that run at once, so only one may run.
  if (!direct_ && (!in_flight.empty() || work.preparing_live())) return false;
  if (in_flight.count() == 1 && !encoder.full() &&
      ring().last().value - positions.dispatched().value < in_flight.oldest().records) {
    return false;
  }
  return !SegmentFull() || (in_flight.empty() && !work.preparing() && chain.spares().Blocks() > 0);
}

bool LogState::OpenGroup(Lsn first_lsn, std::int64_t time_ns) {
  const std::uint64_t room = chain.LiveBlocks() * kBlockBytes;
  if (room == 0 || work.rotating()) return false;
  encoder.Open(room, first_lsn, positions.durable(), time_ns);
  return true;
}

void LogState::Encode() {
  OperationLog& log = ring();
  const Lsn last = log.last();
  std::int64_t now_ns = 0;
  while (positions.staged() < last && !encoder.full()) {
    LogEntry& entry = log.AwaitEntry(Next(positions.staged()));
    RecordView& record = entry.record;
    encoder.FixTime(record, now_ns);
    if (!encoder.open() && !OpenGroup(record.lsn, record.time_ns)) break;
    if (!encoder.Add(entry)) break;
    if (record.payload.size() > kSmallRecordBytes) space.Release(record.payload.size());
    positions.Stage(!record.batch_continues);
  }
  log.Release(positions.staged());
  UpdateLimit();
}

std::size_t LogState::Dispatch() {
  counts.records += encoder.record_count();
  const Lsn evidence = encoder.evidence();
  GroupWrite write = encoder.Close(chain.offset());
  const std::uint64_t size = write.size;
  chain.Append(size);
  const std::uint64_t records = positions.staged().value - positions.dispatched().value;
  const std::size_t slot = in_flight.Add({.write = std::move(write),
                                          .unit = positions.unit(),
                                          .unit_history = encoder.unit_history(),
                                          .last = positions.staged(),
                                          .evidence = evidence,
                                          .records = records});
  positions.Dispatch();
  ++counts.groups;
  counts.bytes += size;
  UpdateLimit();
  return slot;
}

void LogState::BeginRotation() {
  SegmentRotation& rotation = work.rotation();
  const std::uint64_t hash =
      encoder.CloseSegment(rotation.footer(), Next(positions.staged()), positions.durable());
  SegmentPrefix prefix = chain.prefix();
  prefix.previous = {prefix.number, prefix.salt,        chain.offset() + rotation.footer().size(),
                     hash,          positions.staged(), prefix.epoch};
  ++prefix.number;
  prefix.first_lsn = Next(positions.staged());
  prefix.durable_lsn = positions.durable();
  prefix.history_lsn = positions.staged();
  prefix.history = encoder.history();
  if (encoder.in_record()) {
    // It began before, and what of it is there afterwards may not be enough to count it.
    const LogEntry& open = ring().AwaitEntry(prefix.first_lsn);
    prefix.history_lsn = prefix.first_lsn;
    prefix.history += HistoryOf(open.record, open.payload_digest);
  }
  prefix.created = absl::FromUnixNanos(LogTime(encoder.time()).Record(0, encoder.time().wall_ns()));
  work.Begin(SegmentWork::Step::kRotating);
  rotation.Begin(prefix, chain.offset(), chain.spares().Take());
}

void LogState::EndRotation() {
  SegmentRotation& rotation = work.rotation();
  const std::uint64_t hash = rotation.prefix_hash();
  chain.Enter(rotation.prefix(), hash, encoder.in_record(), rotation.TakeFile());
  encoder.NextSegment(rotation.prefix(), hash);
  positions.Record(rotation.prefix().durable_lsn);
  work.End(SegmentWork::Step::kRotating);
  ++counts.rotations;
  UpdateLimit();
}

void LogState::Wake() {
  if (!health.well()) return waiters.WakeAll();
  if (!waiters.empty() && CanLead()) waiters.WakeLeader(positions.dispatched());
  waiters.WakeUpTo(positions.durable());
}

WalFigures LogState::Figures() const {
  WalFigures figures = counts;
  figures.segments = chain.size();
  figures.log_bytes = chain.bytes();
  figures.unsealed_records = positions.durable().value - positions.recorded().value;
  figures.direct = direct_;
  figures.no_space = space.exhausted();
  return figures;
}

}  // namespace dr::inline v0
