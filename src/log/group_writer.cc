#include "src/log/group_writer.h"

#include <optional>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/base/out_of_memory.h"

namespace dr::inline v0 {
namespace {

// Where memory ends in the middle, what has happened is not known.
template <typename Body>
absl::Status AfterAnEffect(Body body) {
  const bool begun = true;
  return WithinMemory(body, &begun);
}

}  // namespace

void GroupWriter::Lead(LockedLog& log) const {
  if (log->SegmentFull()) {
    log->BeginRotation();
    return Rotate(log);
  }
  log->Encode();
  if (log->encoder.open()) WriteGroup(log);
}

void GroupWriter::WriteGroup(LockedLog& log) const { Write(log, log->Dispatch()); }

void GroupWriter::Write(LockedLog& log, std::size_t slot) const {
  GroupWrite write = log->in_flight.Take(slot);
  const NamedFile file = log->chain.file();
  const std::uint64_t prepared_bytes = log->chain.prepared_bytes();
  bool no_room = false;
  absl::Status written = log.Unlocked([&] {
    return AfterAnEffect([&] {
      const absl::Status status = files_.WriteAndSync(file, write.offset, write.bytes());
      no_room = IsFault(status, FaultKind::kNoSpace);
      return status.ok() ? files_.CheckWhole(file, prepared_bytes) : status;
    });
  });
  if (no_room) {
    log->in_flight.PutBack(slot, std::move(write));
    return Stall(log, written);
  }
  if (!written.ok()) Poison(log, std::move(written));
  log->encoder.GiveBack(std::move(write.buffer));
  log->in_flight.SetWritten(slot);
  Acknowledge(log);
}

// In order: what is behind an unfinished group waits for it. The mark is written without the mutex,
// while the group still counts as in flight.
void GroupWriter::Acknowledge(LockedLog& log) const {
  std::optional<DurableMarkWriter> mark = std::exchange(log->mark, std::nullopt);
  if (!mark) return;  // the thread that has it goes on with this one
  while (!log->in_flight.empty() && log->in_flight.oldest_written()) {
    if (!log->health.poisoned()) {
      const Lsn unit = log->in_flight.oldest().unit;
      const Digest history = log->in_flight.oldest().unit_history;
      if (unit > log->positions.durable()) log.Unlocked([&] { mark->Write(unit, history); });
      const GroupInFlight& group = log->in_flight.oldest();
      log->positions.Acknowledge(group.unit, group.unit_history, group.evidence);
      // Readers see whole batches only.
      if (group.unit == group.last) log->chain.MakeReadable(group.write.end());
    }
    log->in_flight.Remove();
    log->Wake();
  }
  log->mark = std::move(mark);
  if (log->health.poisoned()) log->Wake();
}

// The rotation moves out of the mutex; what is left says that there is one.
void GroupWriter::Rotate(LockedLog& log) const {
  SegmentRotation rotation = std::move(log->work.rotation());
  const NamedFile ending = log->chain.file();
  bool no_room = false;
  absl::Status written = log.Unlocked([&] {
    return AfterAnEffect([&] {
      const absl::Status status = rotation.Run(files_, ending, random_);
      no_room = IsFault(status, FaultKind::kNoSpace);
      return status;
    });
  });
  log->work.rotation() = std::move(rotation);
  if (no_room) return Stall(log, written);
  if (written.ok()) {
    log->EndRotation();
  } else {
    log->work.End(SegmentWork::Step::kRotating);
    Poison(log, std::move(written));
  }
  log->Wake();
}

void GroupWriter::Stall(LockedLog& log, const absl::Status& why) {
  log->health.Stall();
  log->ring().Close();
  log.FoundSpace(why);
  log->Wake();
}

void GroupWriter::Poison(LockedLog& log, absl::Status why) {
  if (log->health.poisoned()) return;
  log->health.Poison(std::move(why));
  log->positions.Poison();
  log->ring().Close();
  log.Notify({.kind = EventKind::kLogPoisoned,
              .lsn = log->positions.durable(),
              .status = log->health.why()},
             "the log takes nothing more until it is opened again");
}

// One thread at a time; the others are told that there is no room.
absl::Status GroupWriter::Retry(LockedLog& log) const {
  if (!log->health.BeginRetry()) return NoRoom();
  Retried retried = Retried::kWritten;
  while (retried == Retried::kWritten && !log->health.poisoned()) retried = RetryOne(log);
  log->health.EndRetry(retried == Retried::kNothingLeft);
  DR_RETURN_IF_ERROR(log->health.status());
  if (log->health.stalled()) return NoRoom();
  log.FoundSpace(absl::OkStatus());
  log->UpdateLimit();
  log->Wake();
  return absl::OkStatus();
}

// What stands in the way, oldest first.
GroupWriter::Retried GroupWriter::RetryOne(LockedLog& log) const {
  if (log->work.rotating()) {
    Rotate(log);
    return log->work.rotating() ? Retried::kNoRoom : Retried::kWritten;
  }
  const std::optional<std::size_t> slot = log->in_flight.waiting();
  if (!slot) return Retried::kNothingLeft;
  Write(log, *slot);
  return log->in_flight.IsWaiting(*slot) ? Retried::kNoRoom : Retried::kWritten;
}

}  // namespace dr::inline v0
