#include "src/component/applier.h"

#include <string>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/assert.h"

namespace dr::inline v0 {

Applier::Applier(Runtime& runtime, ComponentCallbacks& callbacks, ComponentWaits& waits,
                 CommitOrder& order, OperationPool& pool)
    : runtime_(runtime),
      callbacks_(callbacks),
      waits_(waits),
      order_(order),
      pool_(pool),
      digests_(runtime, callbacks) {}

// ---- Waiting ------------------------------------------------------------------------------------

absl::Status Applier::AwaitApplied(Lsn lsn, const Context& context) {
  if (callbacks_.applied() >= lsn) return absl::OkStatus();
  DR_RETURN_IF_ERROR(AwaitDurable(lsn, context));
  return ApplyUpTo(lsn, context);
}

absl::Status Applier::AwaitEarlier(Lsn lsn, const Context& context) {
  if (callbacks_.applied() >= lsn) return absl::OkStatus();
  DR_RETURN_IF_ERROR(callbacks_.CheckStateLock());
  while (!AwaitApplied(lsn, context).ok()) {
    DR_RETURN_IF_ERROR(callbacks_.health().failure());
    DR_RETURN_IF_ERROR(
        CheckContext(context, runtime_.clock,
                     fmt::format("earlier operations of component {}", callbacks_.identity().id)));
    DR_RETURN_IF_ERROR(runtime_.log.AwaitRoom(1, context));  // or why there is none
  }
  return absl::OkStatus();
}

absl::Status Applier::AwaitDurable(Lsn lsn, const Context& context) {
  OperationLog& log = runtime_.log;
  absl::Status reached = log.Persist(order_.LastSynced(lsn), context);
  if (reached.ok()) reached = log.Stage(lsn, context);
  if (!reached.ok() && !log.status().ok()) EndPending(reached);
  return reached;
}

void Applier::Pump(const Context& context) {
  if (order_.pending_count() == 0 || callbacks_.health().has_failed()) return;
  if (!AwaitDurable(order_.last(), context).ok()) return;
  MutexLock lock(mutex_);
  if (turn_ != Turn::kFree) {
    turn_ = Turn::kAskedAgain;
    return;
  }
  CallbackWatch::Inside inside(pump_watch_, "Pump");
  while (turn_ == Turn::kFree && !TakeTurn(context) && MayTryAgain(context)) continue;
}

bool Applier::DelaysOthers(std::chrono::nanoseconds patience) {
  return pump_watch_.Overdue(runtime_.clock.Now(), patience) != nullptr;
}

absl::Status Applier::Open(Lsn lsn, std::string_view why, std::string_view next) const {
  const std::string& id = callbacks_.identity().id;
  return MakeFault(
      {.kind = FaultKind::kAmbiguous, .place = id, .lsn = lsn, .next = std::string(next)},
      fmt::format("component '{}' {}; the operation is logged and will follow", id, why));
}

absl::Status Applier::ApplyUpTo(Lsn lsn, const Context& context) {
  MutexLock lock(mutex_);
  while (callbacks_.applied() < lsn) {
    DR_RETURN_IF_ERROR(callbacks_.health().failure());
    if (turn_ == Turn::kFree) {
      if (TakeTurn(context)) {
        DR_ASSERT(callbacks_.applied() >= lsn || callbacks_.health().has_failed());
      } else if (!MayTryAgain(context)) {
        return Open(lsn, "has its state lock held by readers",
                    "give back the lock of state_mutex(), and look at the state later");
      }
    } else if (waits_.HasEnded(context)) {
      return Open(lsn, "is still applying", "look at the state later");
    } else {
      waits_.WaitASlice(changed_, mutex_, context);
    }
  }
  return absl::OkStatus();
}

// After a turn that could not have the state.
bool Applier::MayTryAgain(const Context& context) {
  if (callbacks_.state_mutex().HeldByThisThread() || waits_.HasEnded(context)) return false;
  MutexUnlock unlocked(mutex_);
  waits_.NotifyDue();
  return true;
}

// ---- Applying -----------------------------------------------------------------------------------

// Applies until nothing is ready. False: the state was not to be had within the context.
bool Applier::TakeTurn(const Context& context) noexcept {
  DR_ASSERT(turn_ == Turn::kFree);
  bool applied = true;
  do {
    turn_ = Turn::kTaken;
    MutexUnlock unlocked(mutex_);
    applied = ApplyReady(context);
  } while (applied && turn_ == Turn::kAskedAgain);
  turn_ = Turn::kFree;
  changed_.NotifyAll();
  return applied;
}

bool Applier::ApplyReady(const Context& context) noexcept {
  while (order_.AnyReady()) {
    const std::uint64_t until_digest = digests_.Until(applied_count());
    if (!waits_.LockState(callbacks_.state_mutex(), context)) return false;
    PendingOperations ready = order_.TakeReady(until_digest), applied;
    ApplySome(ready, applied);
    callbacks_.state_mutex().unlock();
    const bool digest_due = applied.size() == until_digest;
    Finish(std::move(applied), absl::OkStatus());
    if (digest_due) {
      if (const absl::Status failed = digests_.Write(); !failed.ok()) waits_.Fail(failed);
    }
    if (ready.empty()) continue;
    const absl::Status why = callbacks_.health().failure();
    EndPending(why);
    Finish(std::move(ready), why);
    waits_.NotifyDue();
  }
  return true;
}

// What stays in `ready` is behind a failure.
void Applier::ApplySome(PendingOperations& ready, PendingOperations& applied) noexcept {
  CallbackWatch::Inside inside = callbacks_.BeginApplying();
  while (!ready.empty() && !callbacks_.health().has_failed()) {
    const RecordView& record = ready.front()->entry.record;
    if (const absl::Status failed = callbacks_.Apply(record, record.payload); !failed.ok()) {
      // Still under the lock: nobody may save what this has left behind.
      callbacks_.health().Fail(failed);
      return;
    }
    applied_count_.fetch_add(1, std::memory_order_relaxed);
    inside.Progress();
    applied.Push(ready.Pop());
  }
}

void Applier::Finish(PendingOperations operations, const absl::Status& failure) noexcept {
  for (PendingOperation* operation = operations.front(); operation != nullptr;
       operation = operation->next) {
    if (operation->completion == nullptr) continue;
    operation->completion->result = failure.ok() ? absl::StatusOr<Lsn>(operation->entry.record.lsn)
                                                 : absl::StatusOr<Lsn>(failure);
    runtime_.completions.Push(std::move(operation->completion));
  }
  pool_.Recycle(std::move(operations));
}

void Applier::EndPending(const absl::Status& why) noexcept {
  IntrusiveQueue<Completion> completions = order_.TakeCompletions();
  while (std::unique_ptr<Completion> completion = completions.Pop()) {
    completion->result = why;
    runtime_.completions.Push(std::move(completion));
  }
  MutexLock lock(mutex_);
  changed_.NotifyAll();
}

}  // namespace dr::inline v0
