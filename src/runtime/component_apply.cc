// Applying: from "as durable as was asked for" to "in the state".

#include <algorithm>
#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"
#include "src/runtime/component_core.h"
#include "src/runtime/digest_marker.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kSparesMax = 256;
constexpr std::size_t kSpareBytesMax = 4096;
constexpr auto kWatchPeriod = std::chrono::milliseconds(50);

}  // namespace

absl::Status ComponentCore::AwaitApplied(Lsn lsn, const Context& context) {
  if (applied() >= lsn) return absl::OkStatus();
  Runtime& runtime = *runtime_.load();
  Lsn needed;
  {
    MutexLock lock(order_mutex_);
    lsn = std::min(lsn, last_);
    needed = std::min(lsn, last_local_);
  }
  absl::Status reached = runtime.log.Persist(needed, context);
  if (reached.ok()) reached = runtime.log.Stage(lsn, context);
  if (reached.ok()) return Drain(lsn, context);
  if (!runtime.log.status().ok()) FailPending(reached);
  return reached;
}

void ComponentCore::Pump(const Context& context) {
  Lsn last;
  {
    MutexLock lock(order_mutex_);
    if (pending_.empty()) return;
    last = last_;
  }
  static_cast<void>(AwaitApplied(last, context));
}

// One thread applies for all who wait; the rest find their operation applied when they wake.
absl::Status ComponentCore::Drain(Lsn lsn, const Context& context) {
  const Runtime& runtime = *runtime_.load();
  MutexLock lock(apply_mutex_);
  while (applied() < lsn) {
    if (!failure_.ok()) return failure_;
    if (!applying_) {
      applying_ = true;
      apply_mutex_.unlock();
      ApplyReady();
      apply_mutex_.lock();
      applying_ = false;
      applied_changed_.NotifyAll();
      continue;
    }
    if (!CheckContext(context, runtime.clock, "").ok()) {
      return MakeFault({.kind = FaultKind::kAmbiguous,
                        .place = id_,
                        .lsn = lsn,
                        .next = "look at the state later"},
                       fmt::format("component '{}' is still applying; the operation is logged and "
                                   "will follow",
                                   id_));
    }
    applied_changed_.WaitFor(apply_mutex_, kWatchPeriod);
    apply_mutex_.unlock();
    Watch();
    apply_mutex_.lock();
  }
  return absl::OkStatus();
}

ComponentCore::Operations ComponentCore::TakeReady() {
  const OperationLog& log = runtime_.load()->log;
  const Lsn durable = log.durable(), staged = log.staged();
  Operations ready;
  MutexLock lock(order_mutex_);
  while (const PendingOperation* next = pending_.front()) {
    const Lsn reached = next->durability == Durability::kProcess ? staged : durable;
    if (next->entry.record.lsn > reached) break;
    ready.Push(pending_.Pop());
  }
  pending_count_.store(pending_.size(), std::memory_order_relaxed);
  return ready;
}

void ComponentCore::ApplyReady() {
  const std::uint32_t digest_every = runtime_.load()->digest_every;
  for (;;) {
    Operations ready = TakeReady();
    if (ready.empty()) return;
    Operations applied;
    while (ApplySome(ready, applied)) {
      if (digest_every > 0 && applied_count() % digest_every == 0) LogDigest();
    }
    Finish(std::move(applied), absl::OkStatus());
    if (ready.empty()) continue;
    const absl::Status why = failure();
    AnnounceFailure(why);
    return Finish(std::move(ready), why);
  }
}

// Up to the next operation after which a digest is due. False: there is no more, or it failed.
bool ComponentCore::ApplySome(Operations& ready, Operations& applied) {
  const std::uint32_t digest_every = runtime_.load()->digest_every;
  WriterLock lock(state_mutex_);
  CallbackWatch::Inside inside(applying_watch_, "Apply");
  while (!ready.empty() && !failed_.load(std::memory_order_acquire)) {
    const RecordView& record = ready.front()->entry.record;
    if (absl::Status failed = ApplyOne(record, record.payload); !failed.ok()) {
      // Still under the lock: nobody may save what this has left behind.
      MarkFailed(failed);
      return false;
    }
    applied_.store(record.lsn.value, std::memory_order_release);
    const std::uint64_t count = applied_count_.fetch_add(1, std::memory_order_relaxed) + 1;
    inside.Progress();
    applied.Push(ready.Pop());
    if (digest_every > 0 && count % digest_every == 0) return true;
  }
  return false;
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

bool ComponentCore::Watch() {
  const Runtime& runtime = *runtime_.load();
  const Instant now = runtime.clock.Now();
  for (CallbackWatch* watch : {&applying_watch_, &checkpoint_watch_}) {
    const char* callback = watch->Overdue(now, runtime.callback_deadline);
    if (callback == nullptr) continue;
    return Fail(Blame(callback, "it has not returned within the deadline"));
  }
  return false;
}

// True: nobody did before.
bool ComponentCore::Fail(const absl::Status& why) {
  if (!MarkFailed(why)) return false;
  AnnounceFailure(why);
  return true;
}

// True: nobody did before.
bool ComponentCore::MarkFailed(const absl::Status& why) {
  MutexLock lock(apply_mutex_);
  if (!failure_.ok()) return false;
  failure_ = why;
  failed_.store(true, std::memory_order_release);
  applied_changed_.NotifyAll();
  return true;
}

void ComponentCore::AnnounceFailure(const absl::Status& why) {
  FailPending(why);
  Observer* observer = runtime_.load()->observer;
  if (announced_.exchange(true) || observer == nullptr) return;
  try {
    observer->OnEvent({.kind = EventKind::kComponentFailed,
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
  Runtime& runtime = *runtime_.load();
  MutexLock lock(order_mutex_);
  for (PendingOperation* operation = pending_.front(); operation != nullptr;
       operation = operation->next) {
    if (operation->completion == nullptr) continue;
    operation->completion->result = why;
    runtime.completions.Push(std::move(operation->completion));
  }
  order_changed_.NotifyAll();
}

}  // namespace dr::inline v0
