#include "src/component/commit_order.h"

#include <algorithm>
#include <utility>

#include "dr/status_macros.h"
#include "src/base/assert.h"

namespace dr::inline v0 {

CommitOrder::CommitOrder(const OperationLog& log, OrderWaits& waits, Lsn last)
    : log_(log), waits_(waits), last_(last), last_synced_(last), barrier_(last) {}

void CommitOrder::Check() const {
  DR_ASSERT((task_ != nullptr) == (state_ == State::kLeft));
  DR_ASSERT(last_synced_ <= last_ && barrier_ <= last_);
  DR_ASSERT(pending_.empty() || pending_.front()->entry.record.lsn <= last_);
  DR_ASSERT(pending_.size() == pending_count());
}

// ---- Holding ------------------------------------------------------------------------------------

CommitOrder::Hold::~Hold() {
  Section section(order_);
  if (held_) {
    DR_ASSERT(order_.state_ == State::kHeld);
    order_.state_ = State::kFree;
  } else if (order_.next_holder_ == this) {
    order_.next_holder_ = nullptr;
  } else {
    return;
  }
  order_.changed_.NotifyAll();
}

absl::StatusOr<Lsn> CommitOrder::Hold::Acquire(const Context& context) {
  Section section(order_);
  DR_ASSERT(!held_);
  DR_RETURN_IF_ERROR(order_.AwaitTurn(context, this));
  if (order_.next_holder_ == this) order_.next_holder_ = nullptr;
  order_.state_ = State::kHeld;
  held_.emplace();
  return order_.last_;
}

void CommitOrder::Hold::Enqueue(std::unique_ptr<PendingOperation> operation) noexcept {
  Section section(order_);
  DR_ASSERT(held_);
  order_.Enqueue(std::move(operation));
}

void CommitOrder::Hold::EnqueueBarrier(std::unique_ptr<PendingOperation> operation) noexcept {
  Section section(order_);
  DR_ASSERT(held_);
  order_.Enqueue(std::move(operation));
  order_.barrier_ = order_.last_;
}

void CommitOrder::Hold::LeaveTo(std::shared_ptr<OrderTask> task) noexcept {
  Section section(order_);
  DR_ASSERT(held_ && task != nullptr);
  held_.reset();
  order_.state_ = State::kLeft;
  order_.task_ = std::move(task);
  order_.changed_.NotifyAll();
}

// Waits until the order is free, and for `hold` (null: for an Append) to be the one that has it
// then.
absl::Status CommitOrder::AwaitTurn(const Context& context, const Hold* hold) {
  for (bool waited = false;;) {
    DR_RETURN_IF_ERROR(waits_.Failure());
    const bool kept = next_holder_ != nullptr && next_holder_ != hold;
    if (state_ != State::kFree || kept) {
      DR_RETURN_IF_ERROR(waits_.Check(context));
      if (state_ == State::kLeft) {
        RunTask(context);
        continue;
      }
      // Others have been faster: they are not once more.
      if (waited && !kept) next_holder_ = hold;
      waited = true;
      DR_RETURN_IF_ERROR(waits_.WaitASlice(changed_, mutex_, context));
    } else if (barrier_ > waits_.applied()) {
      const Lsn barrier = barrier_;
      MutexUnlock unlocked(mutex_);
      DR_RETURN_IF_ERROR(waits_.AwaitEarlier(barrier, context));
    } else {
      return absl::OkStatus();
    }
  }
}

void CommitOrder::RunTask(const Context& context) {
  std::shared_ptr<OrderTask> task = std::exchange(task_, nullptr);
  state_ = State::kHeld;
  {
    MutexUnlock unlocked(mutex_);
    const HoldingOrder holding;
    if (task->Run(context)) task = nullptr;
  }
  state_ = State::kFree;
  if (task != nullptr && task->wanted()) {
    state_ = State::kLeft;
    task_ = std::move(task);
  }
  changed_.NotifyAll();
}

void CommitOrder::Help(const OrderTask& task, const Context& context) {
  Section section(*this);
  if (task_.get() == &task) RunTask(context);
}

void CommitOrder::Drop(const OrderTask& task) {
  Section section(*this);
  if (task_.get() != &task) return;
  task_ = nullptr;
  state_ = State::kFree;
  changed_.NotifyAll();
}

// ---- Operations ---------------------------------------------------------------------------------

absl::StatusOr<std::optional<Lsn>> CommitOrder::Append(std::unique_ptr<PendingOperation>& operation,
                                                       LogAdmission& admission,
                                                       const Context& context) {
  Section section(*this);
  DR_RETURN_IF_ERROR(AwaitTurn(context, nullptr));
  const std::optional<Lsn> lsn = admission.TryAppend();
  if (lsn) Enqueue(std::move(operation));
  return lsn;
}

void CommitOrder::Enqueue(std::unique_ptr<PendingOperation> operation) noexcept {
  DR_ASSERT(state_ != State::kLeft);
  DR_ASSERT(operation->entry.record.lsn > last_);
  last_ = operation->entry.record.lsn;
  if (operation->durability != Durability::kProcess) last_synced_ = last_;
  pending_.Push(std::move(operation));
  pending_count_.store(pending_.size(), std::memory_order_relaxed);
}

bool CommitOrder::IsReady(const PendingOperation* operation) const {
  if (operation == nullptr) return false;
  const bool synced = operation->durability != Durability::kProcess;
  return operation->entry.record.lsn <= (synced ? log_.durable() : log_.staged());
}

bool CommitOrder::AnyReady() const {
  Section section(*this);
  return IsReady(pending_.front());
}

PendingOperations CommitOrder::TakeReady(std::uint64_t count_max) {
  PendingOperations ready;
  Section section(*this);
  while (ready.size() < count_max && IsReady(pending_.front())) ready.Push(pending_.Pop());
  pending_count_.store(pending_.size(), std::memory_order_relaxed);
  return ready;
}

IntrusiveQueue<Completion> CommitOrder::TakeCompletions() {
  IntrusiveQueue<Completion> completions;
  Section section(*this);
  for (PendingOperation* operation = pending_.front(); operation != nullptr;
       operation = operation->next) {
    if (operation->completion != nullptr) completions.Push(std::move(operation->completion));
  }
  changed_.NotifyAll();
  return completions;
}

Lsn CommitOrder::LastSynced(Lsn lsn) const {
  Section section(*this);
  return std::min(lsn, last_synced_);
}

Lsn CommitOrder::last() const {
  Section section(*this);
  return last_;
}

// Unless the order is held, nothing of the component gets an Lsn here.
std::optional<Lsn> CommitOrder::EndAtRest() const {
  Section section(*this);
  if (state_ != State::kFree || !pending_.empty() || last_ > waits_.applied()) return std::nullopt;
  return log_.last();
}

}  // namespace dr::inline v0
