#include "src/log/log_room.h"

#include <optional>
#include <utility>
#include <vector>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/base/assert.h"
#include "src/base/out_of_memory.h"

namespace dr::inline v0 {

bool LogRoom::PreparesLive(LockedLog& log) const {
  return (files_.direct() || log->in_flight.empty()) &&
         log->chain.prepared_bytes() < files_.segment_bytes();
}

// Files are made and extended without the mutex, on values that no other thread has meanwhile: a
// spare is off the list, and the newest segment stays in its place because no rotation begins.
absl::Status LogRoom::PrepareStep(LockedLog& log) const {
  if (log->space.growth_held()) {
    return MakeFault({.kind = FaultKind::kNoSpace,
                      .next = "free some space, or wait for the checkpoint that is being written"},
                     "the disk is full, and what is left is for a checkpoint");
  }
  log->chain.MakePlaces();
  std::optional<SegmentFile> spare;
  SpareNumbers number;
  SegmentWork::Step step = SegmentWork::Step::kPreparingLive;
  if (!PreparesLive(log)) {
    step = SegmentWork::Step::kPreparingSpare;
    spare = log->chain.spares().TakeUnfinished();
    if (!spare) number = log->chain.spares().ReserveNumbers(1);
  }
  NamedFile file = log->chain.file();
  std::uint64_t prepared_bytes = log->chain.prepared_bytes();
  log->work.Begin(step);
  const absl::StatusOr<std::uint64_t> added = log.Unlocked([&] {
    return WithinMemory([&]() -> absl::StatusOr<std::uint64_t> {
      if (number.count > 0) {
        DR_ASSIGN_OR_RETURN(spare, files_.MakeSpare(number.first));
      }
      if (spare) {
        file = spare->segment;
        prepared_bytes = spare->prepared_bytes;
      }
      return files_.PrepareChunk(file, prepared_bytes);
    });
  });
  log->work.End(step);
  if (spare) {
    if (added.ok()) spare->prepared_bytes += *added;
    log->chain.spares().Add(*std::move(spare));
  } else if (added.ok()) {
    log->chain.Extend(prepared_bytes, *added);
  }
  if (added.ok() || IsFault(added.status(), FaultKind::kNoSpace)) log.FoundSpace(added.status());
  log->UpdateLimit();
  log->Wake();
  return added.status();
}

absl::Status LogRoom::AwaitHealth(LockedLog& log, const Context& context) const {
  DR_RETURN_IF_ERROR(log->health.status());
  if (!log->health.stalled()) return absl::OkStatus();
  DR_RETURN_IF_ERROR(CheckContext(context, log.clock(), "room in the log"));
  return writer_.Retry(log);
}

absl::Status LogRoom::MakeRoom(std::uint64_t count, const Context& context) const {
  DR_RETURN_IF_ERROR(shared_.InParent());
  LockedLog log(shared_);
  for (;;) {
    DR_RETURN_IF_ERROR(AwaitHealth(log, context));
    log->Encode();
    if (log->ring().last().value + count <= log->ring().limit().value) return absl::OkStatus();
    DR_RETURN_IF_ERROR(CheckContext(context, log.clock(), "room in the log"));
    if (!log->space.HasFree(log->Space(), count) && log->work.CanPrepare()) {
      DR_RETURN_IF_ERROR(PrepareStep(log));
    } else if (log->positions.dispatched() < log->ring().last() && log->CanLead()) {
      writer_.Lead(log);
    } else {
      // For a sync, a rotation, or another that prepares space.
      DR_RETURN_IF_ERROR(log.Wait(context));
    }
  }
}

absl::Status LogRoom::Admit(std::size_t payload_bytes, const Context& context) const {
  DR_RETURN_IF_ERROR(shared_.InParent());
  LockedLog log(shared_);
  const std::uint64_t wanted = LogSpace::BlocksFor(payload_bytes);
  for (;;) {
    DR_RETURN_IF_ERROR(AwaitHealth(log, context));
    if (log->space.HasFree(log->Space(), wanted)) break;
    DR_RETURN_IF_ERROR(CheckContext(context, log.clock(), "room in the log"));
    if (log->work.CanPrepare()) {
      DR_RETURN_IF_ERROR(PrepareStep(log));
    } else {
      DR_RETURN_IF_ERROR(log.Wait(context));
    }
  }
  log->space.Admit(payload_bytes);
  return absl::OkStatus();
}

void LogRoom::Withdraw(std::size_t payload_bytes) const {
  LockedLog log(shared_);
  log->space.Release(payload_bytes);
  log->UpdateLimit();
  log->Wake();
}

absl::Status LogRoom::HoldGrowth(bool held) const {
  DR_RETURN_IF_ERROR(shared_.InParent());
  LockedLog log(shared_);
  log->space.HoldGrowth(held);
  while (log->space.growth_held() && log->work.preparing()) {
    DR_RETURN_IF_ERROR(log.Wait({}));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> LogRoom::Prepare() const {
  DR_RETURN_IF_ERROR(shared_.InParent());
  LockedLog log(shared_);
  DR_RETURN_IF_ERROR(AwaitHealth(log, {}));
  if (!log->work.CanPrepare() || log->space.growth_held()) return false;
  const std::uint64_t capacity = log->ring().capacity();
  if (!log->space.WantsMore(log->Space(), capacity)) return false;
  DR_RETURN_IF_ERROR(PrepareStep(log));
  return log->space.WantsMore(log->Space(), capacity);
}

// The files are retired without the mutex, since nobody looks for them any more and commits need
// not wait for that. What is left behind by a failure goes with the next trim.
absl::Status LogRoom::Trim(Lsn keep_from) const {
  DR_RETURN_IF_ERROR(shared_.InParent());
  LockedLog log(shared_);
  DR_RETURN_IF_ERROR(log->health.status());
  while (log->work.trimming()) DR_RETURN_IF_ERROR(log.Wait({}));
  SpareList& spares = log->chain.spares();
  spares.MakePlaces(spares.Wanted() + 1);  // one more for the spare that is being prepared
  const std::uint64_t below = log->chain.NeededFrom(keep_from);
  if (!log->chain.DropBelow(below)) return absl::OkStatus();
  const SpareNumbers numbers = spares.ReserveNumbers(spares.Wanted());
  log->work.BeginTrim();
  absl::StatusOr<std::vector<SegmentFile>> recycled = log.Unlocked(
      [&] { return WithinMemory([&] { return files_.RetireBelow(below, numbers); }); });
  log->work.EndTrim();
  if (recycled.ok()) {
    log->counts.recycled += recycled->size();
    for (SegmentFile& spare : *recycled) log->chain.spares().Add(std::move(spare));
    if (!recycled->empty()) log.FoundSpace(absl::OkStatus());
    log->UpdateLimit();
  }
  log->Wake();
  return recycled.status();
}

}  // namespace dr::inline v0
