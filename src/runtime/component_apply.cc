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
  if (absl::Status durable = runtime.log.Persist(needed, context); !durable.ok()) {
    if (FaultOf(durable)->kind == FaultKind::kPoisoned) FailPending(durable);
    return durable;
  }
  DR_RETURN_IF_ERROR(runtime.log.Stage(lsn));
  return Drain(lsn, context);
}

// One thread applies for all who wait; the rest find their operation applied when they wake.
absl::Status ComponentCore::Drain(Lsn lsn, const Context& context) {
  const Runtime& runtime = *runtime_.load();
  MutexLock lock(apply_mutex_);
  while (applied() < lsn) {
    if (!failure_.ok()) return failure_;
    if (!applying_) {
      applying_ = true;
      applying_since_ = runtime.clock.Now();
      apply_mutex_.unlock();
      ApplyReady();
      apply_mutex_.lock();
      applying_ = false;
      applied_changed_.NotifyAll();
      continue;
    }
    if (!CheckContext(context, runtime.clock, "").ok()) {
      return MakeFault({.kind = FaultKind::kAmbiguous, .place = id_, .lsn = lsn,
                        .next = "look at the state later"},
                       fmt::format("component '{}' is still applying; the operation is logged and "
                                   "will follow",
                                   id_));
    }
    if (runtime.clock.Now() > applying_since_ + runtime.callback_deadline) {
      apply_mutex_.unlock();
      Fail(Blame("Apply", "it has not returned within the deadline"));
      apply_mutex_.lock();
      continue;
    }
    applied_changed_.WaitFor(apply_mutex_, std::chrono::milliseconds(50));
  }
  return absl::OkStatus();
}

std::list<std::unique_ptr<PendingOperation>> ComponentCore::TakeReady() {
  const OperationLog& log = runtime_.load()->log;
  std::list<std::unique_ptr<PendingOperation>> ready;
  MutexLock lock(order_mutex_);
  auto end = pending_.begin();
  for (; end != pending_.end(); ++end) {
    const Lsn lsn = (*end)->entry.record.lsn;
    const Lsn reached =
        (*end)->durability == Durability::kProcess ? log.staged() : log.durable();
    if (lsn > reached) break;
  }
  ready.splice(ready.begin(), pending_, pending_.begin(), end);
  return ready;
}

void ComponentCore::ApplyReady() {
  Runtime& runtime = *runtime_.load();
  for (;;) {
    std::list<std::unique_ptr<PendingOperation>> ready = TakeReady();
    if (ready.empty()) return;
    absl::Status failure = failed_ ? this->failure() : absl::OkStatus();
    {
      WriterLock lock(state_mutex_);
      for (const auto& operation : ready) {
        const RecordView& record = operation->entry.record;
        if (failure.ok()) failure = ApplyOne(record, record.payload);
        if (!failure.ok()) break;
        applied_.store(record.lsn.value, std::memory_order_release);
        applied_count_.fetch_add(1, std::memory_order_relaxed);
        NoteDigest(record.lsn);
      }
    }
    if (!failure.ok()) Fail(failure);
    for (const auto& operation : ready) {
      if (operation->done == nullptr) continue;
      absl::StatusOr<Lsn> result = operation->entry.record.lsn;
      if (*result > applied()) result = failure;
      runtime.completions.Push([done = std::move(operation->done), result]() mutable {
        std::move(done)(result);
      });
    }
    Recycle(std::move(ready));
    if (!failure.ok()) return;
  }
}

void ComponentCore::Recycle(std::list<std::unique_ptr<PendingOperation>> done) {
  done.remove_if([](const auto& operation) { return operation->payload.capacity() > kSpareBytesMax; });
  std::list<std::unique_ptr<PendingOperation>> surplus;
  MutexLock lock(order_mutex_);
  spare_.splice(spare_.end(), done);
  while (spare_.size() > kSparesMax) {
    surplus.splice(surplus.end(), spare_, spare_.begin());
  }
}

void ComponentCore::Fail(absl::Status why) {
  Observer* observer = runtime_.load()->observer;
  {
    MutexLock lock(apply_mutex_);
    if (!failure_.ok()) return;
    failure_ = why;
    failed_.store(true, std::memory_order_release);
    applied_changed_.NotifyAll();
  }
  FailPending(why);
  if (observer == nullptr) return;
  observer->OnEvent({.kind = EventKind::kComponentFailed, .component = id_, .lsn = applied(),
                     .status = why, .text = std::string(AsStd(why.message()))});
}

// Operations that will not be applied by this host stay in the log. Their callers learn it.
void ComponentCore::FailPending(const absl::Status& why) {
  Runtime& runtime = *runtime_.load();
  MutexLock lock(order_mutex_);
  for (auto& operation : pending_) {
    if (operation->done == nullptr) continue;
    runtime.completions.Push([done = std::move(operation->done), why]() mutable {
      std::move(done)(why);
    });
    operation->done = nullptr;
  }
  order_changed_.NotifyAll();
}

void ComponentCore::Pump() {
  Lsn last;
  {
    MutexLock lock(order_mutex_);
    if (pending_.empty()) return;
    last = last_;
  }
  static_cast<void>(AwaitApplied(last, {}));
}

void ComponentCore::NoteDigest(Lsn lsn) {
  const Runtime& runtime = *runtime_.load();
  if (runtime.digest_every == 0 || applied_count() % runtime.digest_every != 0) return;
  std::optional<Digest> digest = component_.StateDigest();
  if (!digest) return;
  auto marker = std::make_unique<PendingOperation>();
  marker->durability = Durability::kProcess;
  marker->payload = EncodeDigestMarker({lsn, schema_.version, *digest});
  marker->entry.record = {.kind = OperationKind::kMarker, .component = id_,
                          .schema_name = schema_.name, .schema_version = schema_.version,
                          .payload = marker->payload};
  // A note is worth no waiting: without room it is left out.
  const Context at_once{.deadline = Instant::FromNanoseconds(0)};
  MutexLock lock(order_mutex_);
  if (runtime_.load()->log.Append(marker->entry, at_once).ok()) {
    markers_.push_back(std::move(marker));
  }
  while (!markers_.empty() && markers_.front()->entry.record.lsn <= runtime_.load()->log.staged()) {
    markers_.pop_front();
  }
}

absl::StatusOr<ComponentCore::Frozen> ComponentCore::Freeze(std::optional<Lsn> previous) {
  struct Collector : StateWriter {
    std::vector<std::string>& records;
    explicit Collector(std::vector<std::string>& to) : records(to) {}
    absl::Status Write(std::string_view record) override {
      records.emplace_back(record);
      return absl::OkStatus();
    }
  };
  const Runtime& runtime = *runtime_.load();
  Frozen frozen;
  {
    // While the order is ours nothing of this component gets a Lsn, so all up to the log's end is
    // either applied or pending here.
    MutexLock lock(order_mutex_);
    frozen.as_of = pending_.empty() && last_ <= applied() ? runtime.log.last() : applied();
    frozen.changed = !previous.has_value() || applied() > *previous;
    if (!frozen.changed) frozen.as_of = std::max(frozen.as_of, *previous);
  }
  if (!frozen.changed) return frozen;
  ReaderLock lock(state_mutex_);
  const Instant start = runtime.clock.Now();
  // More may have been applied by now; never less.
  frozen.as_of = std::max(frozen.as_of, applied());
  absl::Status status = Guarded("FreezeState", [&] {
    frozen.view = component_.FreezeState();
    return absl::OkStatus();
  });
  if (status.ok() && frozen.view == nullptr) {
    Collector out(frozen.records);
    status = Guarded("SaveState", [&] { return component_.SaveState(out); });
  }
  frozen.pause = runtime.clock.Now() - start;
  DR_RETURN_IF_ERROR(status);
  return frozen;
}

absl::Status ComponentCore::SaveFrozen(Frozen& frozen, StateWriter& out) {
  for (const std::string& record : frozen.records) DR_RETURN_IF_ERROR(out.Write(record));
  if (frozen.view == nullptr) return absl::OkStatus();
  return Guarded("the frozen view", [&] { return frozen.view(out); });
}

}  // namespace dr::inline v0
