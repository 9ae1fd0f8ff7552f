#include "src/log/group_commit.h"

#include <algorithm>

#include "dr/status.h"
#include "dr/status_macros.h"

namespace dr::inline v0 {
namespace {

constexpr std::string_view kNoRoom =
    "the disk is full; the operation is written when there is room";

}  // namespace

absl::Status GroupCommit::Persist(Lsn upto, const Context& context) const {
  DR_RETURN_IF_ERROR(shared_.InParent());
  while (shared_.durable() < upto) {
    Waiter waiter(upto, context);
    {
      LockedLog log(shared_);
      const LogPositions& positions = log->positions;
      upto = std::min(upto, log->ring().last());
      while (positions.durable() < upto && !log->health.poisoned() &&
             positions.dispatched() < upto && log->CanLead()) {
        writer_.Lead(log);
      }
      if (positions.durable() >= upto) return absl::OkStatus();
      if (log->health.poisoned()) return log->health.Unsettled(upto);
      if (log->health.stalled()) {
        if (writer_.Retry(log).ok()) continue;
        return Ambiguous(upto, kNoRoom);
      }
      if (!CheckContext(context, log.clock(), "").ok()) {
        return Ambiguous(upto,
                         "the wait ended before the sync did; the operation may still happen");
      }
      log->waiters.Add(waiter);
    }
    shared_.Rest(waiter);
  }
  return absl::OkStatus();
}

absl::Status GroupCommit::Stage(Lsn upto, const Context& context) const {
  DR_RETURN_IF_ERROR(shared_.InParent());
  LockedLog log(shared_);
  const LogPositions& positions = log->positions;
  upto = std::min(upto, log->ring().last());
  while (positions.staged() < upto) {
    if (log->health.poisoned()) return log->health.Unsettled(upto);
    if (!log->encoder.full()) log->Encode();
    if (positions.staged() >= upto) break;
    if (log->health.stalled()) {
      if (writer_.Retry(log).ok()) continue;
      return Ambiguous(upto, kNoRoom);
    }
    if (log->CanLead()) {
      writer_.Lead(log);
    } else if (!log.Wait(context).ok()) {
      return Ambiguous(upto,
                       "the wait ended before the log took it; the operation may still happen");
    }
  }
  return absl::OkStatus();
}

absl::Status GroupCommit::Seal(const Context& context) const {
  DR_RETURN_IF_ERROR(shared_.InParent());
  LockedLog log(shared_);
  const LogPositions& positions = log->positions;
  const Lsn target = log->ring().last();
  const auto has_free_block = [&] { return log->space.HasFree(log->Space(), 1); };
  while (positions.recorded() < target) {
    DR_RETURN_IF_ERROR(log->health.status());
    if (log->health.stalled()) {
      DR_RETURN_IF_ERROR(writer_.Retry(log));
    } else if (log->work.CanPrepare() && !has_free_block()) {
      DR_RETURN_IF_ERROR(room_.PrepareStep(log));
    } else if (!log->CanLead()) {
      DR_RETURN_IF_ERROR(log.Wait(context));
    } else if (positions.dispatched() < target || log->encoder.open() || log->SegmentFull() ||
               log->encoder.in_record()) {
      writer_.Lead(log);  // whatever is written next records the evidence
    } else if (positions.durable() < target) {
      DR_RETURN_IF_ERROR(log.Wait(context));
    } else if (has_free_block() &&
               log->OpenGroup(Next(positions.staged()), log->encoder.time().last_ns())) {
      writer_.WriteGroup(log);
      ++log->counts.seals;
    } else {
      DR_RETURN_IF_ERROR(log.Wait(context));
    }
  }
  return absl::OkStatus();
}

}  // namespace dr::inline v0
