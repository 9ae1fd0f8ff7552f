// Who waits for a group, who leads the next one, and who is woken.

#include <algorithm>

#include "dr/status.h"
#include "src/base/status_macros.h"
#include "src/log/group_commit.h"

namespace dr::inline v0 {
namespace {

constexpr std::string_view kNoRoom =
    "the disk is full; the operation is written when there is room";

absl::Status Ambiguous(Lsn lsn, std::string_view what) {
  return MakeFault({.kind = FaultKind::kAmbiguous,
                    .lsn = lsn,
                    .next = "look at the state later, or open the log again"},
                   what);
}

}  // namespace

absl::Status GroupCommit::Persist(Lsn upto, const Context& context) {
  DR_RETURN_IF_ERROR(InParent());
  while (durable() < upto) {
    Waiter waiter(upto, context);
    {
      Section section(*this);
      upto = std::min(upto, log_->last());
      while (durable() < upto && poison_.ok() && dispatched_ < upto && CanLead()) Lead();
      if (durable() >= upto) return absl::OkStatus();
      if (!poison_.ok()) return Unsettled(upto);
      if (stalled_) {
        if (Retry().ok()) continue;
        return Ambiguous(upto, kNoRoom);
      }
      if (!CheckContext(context, *options_.clock, "").ok()) {
        return Ambiguous(upto,
                         "the wait ended before the sync did; the operation may still happen");
      }
      waiters_.Add(waiter);
    }
    Rest(waiter);
  }
  return absl::OkStatus();
}

absl::Status GroupCommit::Stage(Lsn upto, const Context& context) {
  DR_RETURN_IF_ERROR(InParent());
  Section section(*this);
  upto = std::min(upto, log_->last());
  while (staged_ < upto) {
    if (!poison_.ok()) return Unsettled(upto);
    if (!open_full_) Encode();
    if (staged_ >= upto) break;
    if (stalled_) {
      if (Retry().ok()) continue;
      return Ambiguous(upto, kNoRoom);
    }
    if (CanLead()) {
      Lead();
    } else if (!Wait(context).ok()) {
      return Ambiguous(upto,
                       "the wait ended before the log took it; the operation may still happen");
    }
  }
  return absl::OkStatus();
}

absl::Status GroupCommit::Wait(const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, *options_.clock, "waiting for the log"));
  Waiter waiter({}, context);
  waiters_.Add(waiter);
  Unlock();
  Rest(waiter);
  mutex_.lock();
  return absl::OkStatus();
}

// A waiter whose context has ended may have been taken off the list meanwhile: its wake is under
// way, and must find it here.
void GroupCommit::Rest(Waiter& waiter) {
  if (waiter.Sleep(*options_.clock)) return;
  {
    Section section(*this);
    if (waiter.listed()) return waiters_.Remove(waiter);
  }
  waiter.AwaitWake();
}

GroupCommit::Section::~Section() { log_.Unlock(); }

void GroupCommit::Unlock() {
  Check();
  WokenWaiters woken = std::move(woken_);
  mutex_.unlock();
  std::move(woken).WakeAll();
  events_.Deliver();
}

void GroupCommit::WakeOne(Waiter& waiter) {
  waiters_.Remove(waiter);
  woken_.Add(waiter);
}

// First somebody who can lead, so that the device does not idle; then all that are done.
void GroupCommit::Wake() {
  const bool all = !poison_.ok() || stalled_;
  if (!all && log_ != nullptr && CanLead()) {
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
