// The order of a component: who may take the next Lsn for it, and who waits for that.

#include "src/component/component_order.h"

#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/assert.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {

thread_local int ComponentCore::HoldingOrder::count_ = 0;

ComponentCore::OrderHold::~OrderHold() {
  MutexLock lock(core_.order_mutex_);
  if (!held_ && core_.next_holder_ != this) return;
  if (held_) {
    core_.order_held_ = false;
  } else {
    core_.next_holder_ = nullptr;
  }
  core_.order_changed_.NotifyAll();
}

absl::StatusOr<Lsn> ComponentCore::OrderHold::Acquire(const Context& context) {
  MutexLock lock(core_.order_mutex_);
  DR_RETURN_IF_ERROR(core_.AwaitOrder(context, this));
  DR_ASSERT(!core_.order_held_ && core_.cut_ == nullptr);
  if (core_.next_holder_ == this) core_.next_holder_ = nullptr;
  core_.order_held_ = true;
  held_.emplace();
  return core_.last_;
}

void ComponentCore::OrderHold::Enqueue(std::unique_ptr<PendingOperation> operation) {
  MutexLock lock(core_.order_mutex_);
  core_.Enqueue(std::move(operation));
}

void ComponentCore::OrderHold::EnqueueBarrier(std::unique_ptr<PendingOperation> operation) {
  MutexLock lock(core_.order_mutex_);
  core_.Enqueue(std::move(operation));
  core_.barrier_ = core_.last_;
}

void ComponentCore::OrderHold::HandOver(std::shared_ptr<Cut> cut) {
  MutexLock lock(core_.order_mutex_);
  held_.reset();
  core_.cut_ = std::move(cut);
  core_.order_changed_.NotifyAll();
}

// Waits until the order is free, and for `holder` to be the one who takes it then. Helps to get
// done what it waits for, because the caller that began it may have given up, or be stuck in the
// callback of another component.
absl::Status ComponentCore::AwaitOrder(const Context& context, const OrderHold* holder) {
  const Runtime& runtime = *runtime_.load();
  for (bool waited = false;;) {
    if (failed_.load(std::memory_order_acquire)) return failure();
    const bool kept = next_holder_ != nullptr && next_holder_ != holder;
    if (order_held_ || kept) {
      DR_RETURN_IF_ERROR(CheckContext(context, runtime.clock, "the order of component " + id_));
      if (cut_ != nullptr) {
        std::shared_ptr<Cut> cut = std::exchange(cut_, nullptr);
        MutexUnlock unlocked(order_mutex_);
        FreezeFor(std::move(cut), context);
        continue;
      }
      // Others have been faster: they are not once more.
      if (waited && !kept) next_holder_ = holder;
      waited = true;
      WaitAWhile(order_changed_, order_mutex_, context);
      MutexUnlock unlocked(order_mutex_);
      DR_RETURN_IF_ERROR(runtime.log.status());
    } else if (barrier_ > applied()) {
      const Lsn barrier = barrier_;
      MutexUnlock unlocked(order_mutex_);
      DR_RETURN_IF_ERROR(AwaitEarlier(barrier, context));
    } else {
      return absl::OkStatus();
    }
  }
}

// For a caller whose own operation has no Lsn yet: there is nothing unknown about its outcome.
absl::Status ComponentCore::AwaitEarlier(Lsn lsn, const Context& context) {
  if (applied() >= lsn) return absl::OkStatus();
  DR_RETURN_IF_ERROR(CheckStateLock());
  const Runtime& runtime = *runtime_.load();
  while (!AwaitApplied(lsn, context).ok()) {
    DR_RETURN_IF_ERROR(failure());
    DR_RETURN_IF_ERROR(CheckContext(context, runtime.clock,
                                    fmt::format("earlier operations of component {}", id_)));
    DR_RETURN_IF_ERROR(runtime.log.AwaitRoom(1, context));  // or why there is none
  }
  return absl::OkStatus();
}

void ComponentCore::Enqueue(std::unique_ptr<PendingOperation> operation) noexcept {
  DR_ASSERT(operation->entry.record.lsn > last_);
  last_ = operation->entry.record.lsn;
  if (operation->durability != Durability::kProcess) last_local_ = last_;
  pending_.Push(std::move(operation));
  pending_count_.store(pending_.size(), std::memory_order_relaxed);
}

}  // namespace dr::inline v0
