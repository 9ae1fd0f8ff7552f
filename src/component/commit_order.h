// The order of a component: who may take the next Lsn for it, and what has one and waits to be
// applied.
//
//   free   Append has it for one atomic step, under the mutex
//   held   CommitIf, CommitAll and what sets a state keep it while they wait for other things
//   left   it is kept for a task that no thread is at; whoever wants the order does the task first
//
// Holding is a state and no lock: nobody waits for another component, a callback or the disk with a
// lock of this one in hand. The mutex is a leaf; nothing that waits or calls out runs under it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/log/operation_log.h"
#include "dr/mutex.h"
#include "src/component/holding_order.h"
#include "src/component/log_admission.h"
#include "src/component/operation_pool.h"

namespace dr::inline v0 {

/// What a thread looks at, and helps with, while it waits for an order. Thread-safe.
class OrderWaits {
 public:
  virtual ~OrderWaits() = default;
  /// Not OK: the component has failed, so that its order comes to nobody any more.
  virtual absl::Status Failure() const = 0;
  /// The last operation that the component's state includes.
  virtual Lsn applied() const = 0;
  /// Not OK: the context has ended.
  virtual absl::Status Check(const Context& context) const = 0;
  /// One slice of a wait for `changed`; the mutex is given back meanwhile. Not OK: the log has
  /// ended.
  virtual absl::Status WaitASlice(CondVar& changed, Mutex& mutex, const Context& context)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) = 0;
  /// Returns when the operation at `lsn` is applied, and helps with that: the caller that
  /// committed it may have given up, or be stuck in the callback of another component.
  virtual absl::Status AwaitEarlier(Lsn lsn, const Context& context) = 0;
};

/// What an order is left to.
class OrderTask {
 public:
  virtual ~OrderTask() = default;
  /// Runs on any thread, as if that held the order. False: the context ended first, and the order
  /// stays left to it.
  virtual bool Run(const Context& context) noexcept = 0;
  /// Whether it is still to be done.
  virtual bool wanted() const = 0;
};

/// Thread-safe.
class CommitOrder {
 public:
  /// The order, held: nobody else's operation of the component gets an Lsn. Of one thread; ends the
  /// same if it was waited for in vain.
  class Hold {
   public:
    explicit Hold(CommitOrder& order) : order_(order) {}
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

    /// Returns the component's last operation so far. Called once.
    absl::StatusOr<Lsn> Acquire(const Context& context);
    /// The operation has got its Lsn while the order was held.
    void Enqueue(std::unique_ptr<PendingOperation> operation) noexcept;
    /// As Enqueue; nothing follows this operation before it is applied.
    void EnqueueBarrier(std::unique_ptr<PendingOperation> operation) noexcept;
    /// From now on the order is left to `task`, and this holds it no more.
    void LeaveTo(std::shared_ptr<OrderTask> task) noexcept;
    const CommitOrder& order() const { return order_; }

   private:
    CommitOrder& order_;
    std::optional<HoldingOrder> held_;
  };

  /// `log` and `waits` outlive it. `last` is the component's last operation so far, applied.
  CommitOrder(const OperationLog& log, OrderWaits& waits, Lsn last);

  /// Takes the operation, and its Lsn, when the order is free. nullopt: the log has no room.
  absl::StatusOr<std::optional<Lsn>> Append(std::unique_ptr<PendingOperation>& operation,
                                            LogAdmission& admission, const Context& context);

  // For those who apply.

  /// Whether the next operation is as durable as was asked for.
  bool AnyReady() const;
  /// The operations that are, in order, up to `count_max`.
  PendingOperations TakeReady(std::uint64_t count_max);
  /// Completions of what is pending, for which there will be no other outcome than the caller's.
  /// The operations stay, because the log may still read them. Wakes those who wait for the order.
  IntrusiveQueue<Completion> TakeCompletions();

  /// The last operation at or before `lsn` that must be synced before it counts.
  Lsn LastSynced(Lsn lsn) const;
  Lsn last() const;
  /// Where the log ends, if the state includes all of the component's operations up to there;
  /// nullopt: some are not applied, or the order is held.
  std::optional<Lsn> EndAtRest() const;
  /// Without the mutex, for those who look often.
  std::uint64_t pending_count() const { return pending_count_.load(std::memory_order_relaxed); }

  /// Does `task`, if the order is left to it and no other thread is at it.
  void Help(const OrderTask& task, const Context& context);
  /// `task` is not wanted any more. If the order is left to it, it is free again.
  void Drop(const OrderTask& task);

 private:
  enum class State : std::uint8_t { kFree, kHeld, kLeft };
  /// The mutex, held. How the fields stand to each other is checked when it is given back.
  class ABSL_SCOPED_LOCKABLE Section {
   public:
    explicit Section(const CommitOrder& order) ABSL_EXCLUSIVE_LOCK_FUNCTION(order.mutex_)
        : order_(order) {
      order_.mutex_.lock();
    }
    ~Section() ABSL_UNLOCK_FUNCTION() {
      order_.Check();
      order_.mutex_.unlock();
    }

   private:
    const CommitOrder& order_;
  };

  void Check() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status AwaitTurn(const Context& context, const Hold* hold)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RunTask(const Context& context) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Enqueue(std::unique_ptr<PendingOperation> operation) noexcept
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsReady(const PendingOperation* operation) const;

  const OperationLog& log_;
  OrderWaits& waits_;
  mutable Mutex mutex_;
  CondVar changed_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kFree;
  std::shared_ptr<OrderTask> task_ ABSL_GUARDED_BY(mutex_);  ///< in kLeft
  /// Has waited longer than others, and is the next to hold it.
  const Hold* next_holder_ ABSL_GUARDED_BY(mutex_) = nullptr;
  Lsn last_ ABSL_GUARDED_BY(mutex_);         ///< has an Lsn
  Lsn last_synced_ ABSL_GUARDED_BY(mutex_);  ///< of these, the last that must be synced
  Lsn barrier_ ABSL_GUARDED_BY(mutex_);      ///< nothing follows before this is applied
  PendingOperations pending_ ABSL_GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> pending_count_ = 0;
};

}  // namespace dr::inline v0
