// Applying: from "as durable as was asked for" to "in the state".

#include <algorithm>
#include <limits>
#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/assert.h"
#include "src/base/out_of_memory.h"
#include "src/base/status_macros.h"
#include "src/component/component_order.h"
#include "src/component/digest_marker.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kSparesMax = 256;
constexpr std::size_t kSpareBytesMax = 4096;
constexpr auto kWatchPeriod = std::chrono::milliseconds(50);

}  // namespace

// ---- Waiting ------------------------------------------------------------------------------------

bool ComponentCore::HasEnded(const Context& context) const noexcept {
  return context.stop.stop_requested() || runtime_.load()->clock.Now() >= context.deadline;
}

std::chrono::nanoseconds ComponentCore::Slice(const Context& context) const {
  const std::chrono::nanoseconds left = context.deadline - runtime_.load()->clock.Now();
  return std::clamp<std::chrono::nanoseconds>(left, {}, kWatchPeriod);
}

// One slice of a wait. What is waited for may be a callback that hangs, and without Host::Start
// nobody looks but those who wait.
void ComponentCore::WaitAWhile(CondVar& changed, Mutex& mutex, const Context& context) {
  changed.WaitFor(mutex, Slice(context));
  MutexUnlock unlocked(mutex);
  Watch();
}

// False: the context has ended, or this thread has the lock already, or there is something to tell
// first. For a component that has failed it is locked all the same.
bool ComponentCore::LockState(const Context& context) {
  if (state_mutex_.HeldByThisThread()) return false;
  if (state_mutex_.try_lock_for({})) return true;
  CallbackWatch::Inside inside(reader_watch_, "a reader");
  while (!state_mutex_.try_lock_for(Slice(context))) {
    Look();
    if (HasEnded(context)) return false;
    if (state_held_.load() && !HoldingOrder::Any()) return false;
  }
  return true;
}

// False: the context has ended, or the component has failed.
bool ComponentCore::LockStateShared(const Context& context) {
  while (!state_mutex_.try_lock_shared_for(Slice(context))) {
    if (failed_.load(std::memory_order_acquire)) return false;
    if (HasEnded(context)) return false;
    Watch();
  }
  return true;
}

absl::Status ComponentCore::AwaitApplied(Lsn lsn, const Context& context) {
  if (applied() >= lsn) return absl::OkStatus();
  DR_RETURN_IF_ERROR(AwaitDurable(lsn, context));
  return Drain(lsn, context);
}

absl::Status ComponentCore::AwaitDurable(Lsn lsn, const Context& context) {
  Runtime& runtime = *runtime_.load();
  Lsn needed;
  {
    MutexLock lock(order_mutex_);
    needed = std::min(lsn, last_local_);
  }
  absl::Status reached = runtime.log.Persist(needed, context);
  if (reached.ok()) reached = runtime.log.Stage(lsn, context);
  if (!reached.ok() && !runtime.log.status().ok()) FailPending(reached);
  return reached;
}

// The host calls it again and again, so it need not wait for another thread that applies.
void ComponentCore::Pump(const Context& context) {
  if (pending_count() == 0 || failed_.load(std::memory_order_acquire)) return;
  Lsn last;
  {
    MutexLock lock(order_mutex_);
    last = last_;
  }
  if (!AwaitDurable(last, context).ok()) return;
  MutexLock lock(apply_mutex_);
  look_again_ = true;
  if (applying_) return;
  CallbackWatch::Inside inside(pump_watch_, "Pump");
  while (!applying_ && !TakeTurn(context) && MayTryAgain(context)) continue;
}

// One thread applies for all who wait; the rest find their operation applied when they wake.
absl::Status ComponentCore::Drain(Lsn lsn, const Context& context) {
  const auto open = [&](std::string_view why, std::string_view next) {
    return MakeFault(
        {.kind = FaultKind::kAmbiguous, .place = id_, .lsn = lsn, .next = std::string(next)},
        fmt::format("component '{}' {}; the operation is logged and will follow", id_, why));
  };
  MutexLock lock(apply_mutex_);
  while (applied() < lsn) {
    if (!failure_.ok()) return failure_;
    if (!applying_) {
      if (TakeTurn(context)) {
        DR_ASSERT(applied() >= lsn || !failure_.ok());
      } else if (!MayTryAgain(context)) {
        return open("has its state lock held by readers",
                    "give back the lock of state_mutex(), and look at the state later");
      }
    } else if (HasEnded(context)) {
      return open("is still applying", "look at the state later");
    } else {
      WaitAWhile(applied_changed_, apply_mutex_, context);
    }
  }
  return absl::OkStatus();
}

// After a turn that could not have the state.
bool ComponentCore::MayTryAgain(const Context& context) {
  if (state_mutex_.HeldByThisThread() || HasEnded(context)) return false;
  MutexUnlock unlocked(apply_mutex_);
  NotifyDue();
  return true;
}

// ---- Applying -----------------------------------------------------------------------------------

// Applies until nothing is ready. False: the state was not to be had within the context.
bool ComponentCore::TakeTurn(const Context& context) noexcept {
  applying_ = true;
  bool applied = true;
  do {
    look_again_ = false;
    MutexUnlock unlocked(apply_mutex_);
    applied = ApplyReady(context);
  } while (applied && look_again_);
  applying_ = false;
  applied_changed_.NotifyAll();
  return applied;
}

Lsn ComponentCore::Reached(const PendingOperation& operation) const {
  const OperationLog& log = runtime_.load()->log;
  return operation.durability == Durability::kProcess ? log.staged() : log.durable();
}

bool ComponentCore::AnyReady() const {
  MutexLock lock(order_mutex_);
  const PendingOperation* next = pending_.front();
  return next != nullptr && next->entry.record.lsn <= Reached(*next);
}

ComponentCore::Operations ComponentCore::TakeReady(std::uint64_t count_max) {
  Operations ready;
  MutexLock lock(order_mutex_);
  while (ready.size() < count_max) {
    const PendingOperation* next = pending_.front();
    if (next == nullptr || next->entry.record.lsn > Reached(*next)) break;
    ready.Push(pending_.Pop());
  }
  pending_count_.store(pending_.size(), std::memory_order_relaxed);
  return ready;
}

bool ComponentCore::ApplyReady(const Context& context) noexcept {
  const std::uint64_t digest_every = runtime_.load()->digest_every;
  while (AnyReady()) {
    const std::uint64_t until_digest = digest_every == 0
                                           ? std::numeric_limits<std::uint64_t>::max()
                                           : digest_every - applied_count() % digest_every;
    if (!LockState(context)) return false;
    Operations ready = TakeReady(until_digest), applied;
    ApplySome(ready, applied);
    state_mutex_.unlock();
    const bool digest_due = applied.size() == until_digest;
    Finish(std::move(applied), absl::OkStatus());
    if (digest_due) LogDigest();
    if (ready.empty()) continue;
    const absl::Status why = failure();
    FailPending(why);
    Finish(std::move(ready), why);
    NotifyDue();
  }
  return true;
}

// What stays in `ready` is behind a failure.
void ComponentCore::ApplySome(Operations& ready, Operations& applied) {
  CallbackWatch::Inside inside(applying_watch_, "Apply");
  while (!ready.empty() && !failed_.load(std::memory_order_acquire)) {
    const RecordView& record = ready.front()->entry.record;
    DR_ASSERT(record.lsn > this->applied());
    if (absl::Status failed = ApplyOne(record, record.payload); !failed.ok()) {
      // Still under the lock: nobody may save what this has left behind.
      MarkFailed(failed);
      return;
    }
    applied_.store(record.lsn.value, std::memory_order_release);
    applied_count_.fetch_add(1, std::memory_order_relaxed);
    inside.Progress();
    applied.Push(ready.Pop());
  }
}

// Tells asynchronous callers, and keeps the rest for the operations to come.
void ComponentCore::Finish(Operations operations, const absl::Status& failure) {
  Operations spare;
  while (std::unique_ptr<PendingOperation> operation = operations.Pop()) {
    if (operation->completion != nullptr) {
      if (failure.ok()) {
        operation->completion->result = operation->entry.record.lsn;
      } else {
        operation->completion->result = failure;
      }
      runtime_.load()->completions.Push(std::move(operation->completion));
    }
    if (operation->payload.capacity() <= kSpareBytesMax) spare.Push(std::move(operation));
  }
  MutexLock lock(order_mutex_);
  while (spare_.size() < kSparesMax && !spare.empty()) spare_.Push(spare.Pop());
}

// A note is worth no waiting and no failure: without room or memory it is left out.
void ComponentCore::LogDigest() {
  OperationLog& log = runtime_.load()->log;
  while (!markers_.empty() && markers_.front()->entry.record.lsn <= log.staged()) markers_.Pop();
  try {
    absl::StatusOr<std::optional<Digest>> kept = StateDigest();
    if (!kept.ok()) {
      Fail(kept.status());
      return;
    }
    const std::optional<Digest> digest = *kept;
    if (!digest) return;
    auto marker = std::make_unique<PendingOperation>();
    marker->payload = EncodeDigestMarker({applied(), schema_.version, *digest});
    marker->entry.record = {.kind = OperationKind::kMarker,
                            .component = id_,
                            .schema_name = schema_.name,
                            .schema_version = schema_.version,
                            .payload = marker->payload};
    const Context at_once{.deadline = Instant::FromNanoseconds(0)};
    if (log.Append(marker->entry, at_once).ok()) markers_.Push(std::move(marker));
  } catch (const std::bad_alloc&) {
    return;
  }
}

// ---- Failing ------------------------------------------------------------------------------------

void ComponentCore::Watch() {
  Look();
  NotifyDue();
}

void ComponentCore::Look() {
  const Runtime& runtime = *runtime_.load();
  const Instant now = runtime.clock.Now();
  for (CallbackWatch* watch : {&applying_watch_, &checkpoint_watch_}) {
    const char* callback = watch->Overdue(now, runtime.callback_deadline);
    if (callback != nullptr) Fail(Blame(callback, "it has not returned within the deadline"));
  }
  if (reader_watch_.Overdue(now, runtime.callback_deadline) != nullptr) state_held_.store(true);
}

bool ComponentCore::DelaysOthers(std::chrono::nanoseconds patience) {
  return pump_watch_.Overdue(runtime_.load()->clock.Now(), patience) != nullptr;
}

void ComponentCore::Fail(const absl::Status& why) {
  MarkFailed(why);
  FailPending(failure());
}

// The first failure stays.
void ComponentCore::MarkFailed(const absl::Status& why) {
  MutexLock lock(apply_mutex_);
  if (!failure_.ok()) return;
  failure_ = why;
  failed_.store(true, std::memory_order_release);
  applied_changed_.NotifyAll();
}

// Tells the observer, unless this thread holds an order: then whoever looks next does, or the call
// when it has given the order back.
void ComponentCore::NotifyDue() {
  const bool failed = failed_.load(std::memory_order_acquire);
  if ((!failed || failure_notified_.load()) && !state_held_.load()) return;
  if (HoldingOrder::Any()) return;
  if (failed && !failure_notified_.exchange(true)) Notify(EventKind::kComponentFailed, failure());
  if (!state_held_.exchange(false)) return;
  Notify(EventKind::kStateHeld, WithinMemory([&]() -> absl::Status {
           return MakeFault(
               {.kind = FaultKind::kUsage,
                .place = id_,
                .next = "let no thread that has the state lock wait for a commit"},
               fmt::format("component '{}' applies nothing because readers have had its "
                           "state lock for as long as a callback may take",
                           id_));
         }));
}

void ComponentCore::Notify(EventKind kind, const absl::Status& why) const {
  Observer* observer = runtime_.load()->observer;
  if (observer == nullptr) return;
  try {
    observer->OnEvent({.kind = kind,
                       .component = id_,
                       .lsn = applied(),
                       .status = why,
                       .text = std::string(AsStd(why.message()))});
  } catch (const std::bad_alloc&) {
    return;  // the failure itself is not lost: every caller gets it
  }
}

// Their entries stay, because the log may still read them. Their callers learn it.
void ComponentCore::FailPending(const absl::Status& why) {
  IntrusiveQueue<Completion> failed;
  {
    MutexLock lock(order_mutex_);
    for (PendingOperation* operation = pending_.front(); operation != nullptr;
         operation = operation->next) {
      if (operation->completion != nullptr) failed.Push(std::move(operation->completion));
    }
    order_changed_.NotifyAll();
  }
  while (std::unique_ptr<Completion> completion = failed.Pop()) {
    completion->result = why;
    runtime_.load()->completions.Push(std::move(completion));
  }
}

}  // namespace dr::inline v0
