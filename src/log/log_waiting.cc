// Who waits for a group, who leads the next one, and who is woken.

#include "dr/status.h"
#include "src/base/status_macros.h"
#include "src/log/group_commit.h"

namespace dr::inline v0 {

absl::Status GroupCommit::Persist(OperationLog& log, Lsn upto, const Context& context) {
  while (durable() < upto) {
    Waiter waiter(upto, context);
    {
      Section section(*this);
      if (fork_guard_.InChild()) return Healthy();
      while (durable() < upto && poison_.ok() && dispatched_ < upto && CanLead(log)) Lead(log);
      if (durable() >= upto) return absl::OkStatus();
      // The operation has its Lsn, so its outcome is unknown: the error is the failure's own.
      if (!poison_.ok()) return poison_;
      if (!CheckContext(context, *options_.clock, "").ok()) {
        return MakeFault({.kind = FaultKind::kAmbiguous,
                          .lsn = upto,
                          .next = "look at the state later, or open the log again"},
                         "the wait ended before the sync did; the operation may still happen");
      }
      waiters_.Add(waiter);
    }
    if (waiter.Sleep(*options_.clock)) continue;
    Section section(*this);
    Leave(waiter);
  }
  return absl::OkStatus();
}

// A waiter that gives up by itself.
void GroupCommit::Leave(Waiter& waiter) {
  if (waiter.listed()) {
    waiters_.Remove(waiter);
  } else {
    waiter.AwaitWake();
  }
}

absl::Status GroupCommit::Stage(OperationLog& log, Lsn upto) {
  Section section(*this);
  while (staged_ < upto) {
    DR_RETURN_IF_ERROR(Healthy());
    if (!open_full_) Encode(log);
    if (staged_ >= upto) break;
    if (CanLead(log)) {
      Lead(log);
    } else {
      DR_RETURN_IF_ERROR(Wait({}));
    }
  }
  return absl::OkStatus();
}

absl::Status GroupCommit::Wait(const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, *options_.clock, "waiting for the log"));
  Waiter waiter({}, context);
  waiters_.Add(waiter);
  Unlock();
  const bool woken = waiter.Sleep(*options_.clock);
  mutex_.lock();
  if (!woken) Leave(waiter);
  return absl::OkStatus();
}

void GroupCommit::WakeOne(Waiter& waiter) {
  waiters_.Remove(waiter);
  woken_.Add(waiter);
}

// First somebody who can lead, so that the device does not idle; then all that are done.
void GroupCommit::Wake(const OperationLog& log) {
  const bool all = !poison_.ok();
  if (!all && CanLead(log)) {
    for (Waiter* waiter = waiters_.first(); waiter != nullptr;
         waiter = WaiterList::After(*waiter)) {
      if (waiter->upto() <= dispatched_) continue;
      WakeOne(*waiter);
      break;
    }
  }
  for (Waiter *waiter = waiters_.first(), *next = nullptr; waiter != nullptr; waiter = next) {
    next = WaiterList::After(*waiter);
    if (all || waiter->upto() <= durable()) WakeOne(*waiter);
  }
}

}  // namespace dr::inline v0
