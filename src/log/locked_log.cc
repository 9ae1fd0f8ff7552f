#include "src/log/locked_log.h"

#include "dr/status.h"
#include "dr/status_macros.h"

namespace dr::inline v0 {

absl::Status SharedLog::InParent() const {
  if (!fork_guard_.InChild()) return absl::OkStatus();
  return Poisoned(MakeFault({.kind = FaultKind::kPoisoned, .next = "open it in the parent only"},
                            "this process was forked from the one that has the log open"));
}

// A waiter whose context has ended may have been taken off the list meanwhile: its wake is under
// way, and must find it here.
void SharedLog::Rest(Waiter& waiter) {
  if (waiter.Sleep(clock_)) return;
  {
    LockedLog log(*this);
    if (waiter.listed()) return log->waiters.Remove(waiter);
  }
  waiter.AwaitWake();
}

void LockedLog::Unlock() {
  shared_.state_.Check();
  WokenWaiters woken = shared_.state_.waiters.TakeWoken();
  shared_.mutex_.unlock();
  std::move(woken).WakeAll();
  shared_.events_.Deliver();
}

absl::Status LockedLog::Wait(const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, shared_.clock_, "waiting for the log"));
  Waiter waiter({}, context);
  shared_.state_.waiters.Add(waiter);
  Unlock();
  const Relock relock{*this};
  shared_.Rest(waiter);
  return absl::OkStatus();
}

void LockedLog::FoundSpace(const absl::Status& tried) {
  LogState& state = shared_.state_;
  if (tried.ok() && state.health.stalled()) return;
  if (!state.space.Learn(tried.ok())) return;
  Notify({.kind = tried.ok() ? EventKind::kSpaceBack : EventKind::kNoSpace,
          .lsn = state.positions.durable(),
          .status = tried},
         tried.ok() ? "there is room for the log again" : "no room for more log");
}

}  // namespace dr::inline v0
