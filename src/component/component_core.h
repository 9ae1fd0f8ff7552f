// What stands behind a StatefulComponent: its order, what is logged and not applied yet, and who
// applies it.
//
//   order      gives operations their place; CommitIf and CommitAll hold it while they wait
//   pending    logged operations in Lsn order; each owns its copy of the payload
//   applying   one thread at a time takes what is ready and applies it under the state lock
//
// Locks: a component's state lock may be held when its order_mutex_ or apply_mutex_ is taken; these
// two are leaves, and nobody calls a callback, an observer or the log's sink, or waits for another
// thread, with one of them. What is held for longer is a flag: the order, and applying_. Every wait
// for one of these goes in slices and looks at its context, at the component's failure and at the
// callbacks that may be what it waits for.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dr/batch.h"
#include "dr/log/operation_log.h"
#include "dr/mutex.h"
#include "dr/observer.h"
#include "dr/stateful_component.h"
#include "src/base/fork_guard.h"
#include "src/base/intrusive_queue.h"
#include "src/component/bell.h"
#include "src/component/callback_watch.h"
#include "src/component/callers.h"
#include "src/component/completion_queue.h"

namespace dr::inline v0 {

/// What all components of a host share. Outlives their attachment.
struct Runtime {
  OperationLog& log;
  const Clock& clock;
  Observer* observer = nullptr;
  Durability durability = Durability::kLocal;
  Durability durability_max = Durability::kLocal;  ///< what a commit may ask for
  std::chrono::nanoseconds callback_deadline = {};
  std::uint32_t digest_every = 0;
  CompletionQueue completions = {};
  Bell bell = {};
  ForkGuard fork_guard = {};
};

/// An operation between its Lsn and its application.
struct PendingOperation {
  LogEntry entry = {};
  std::string payload = {}, subject = {};
  Durability durability = {};
  std::unique_ptr<Completion> completion = nullptr;  ///< of an asynchronous commit
  PendingOperation* next = nullptr;
};

class ComponentCore {
 public:
  ComponentCore(StatefulComponent& component, std::string id, Schema schema);
  static ComponentCore& Of(const StatefulComponent& component) { return *component.core_; }
  /// For who outlives the component, if that is destroyed too early.
  static std::shared_ptr<ComponentCore> Share(const StatefulComponent& component) {
    return component.core_;
  }

  const std::string& id() const { return id_; }
  const Schema& schema() const { return schema_; }
  SharedMutex& state_mutex() const { return state_mutex_; }

  // For the component's users.
  absl::StatusOr<Lsn> Commit(std::string_view payload, const CommitOptions& options);
  absl::StatusOr<Lsn> CommitIf(absl::FunctionRef<absl::StatusOr<std::string>()> decide,
                               const CommitOptions& options);
  void CommitAsync(std::string payload, const CommitOptions& options,
                   absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done);
  static absl::StatusOr<Lsn> CommitAll(std::span<const ComponentCommit> commits,
                                       const CommitOptions& options);

  // For the host: recovery.
  absl::Status RegisterUpgrades(SchemaUpgrades& upgrades);
  absl::Status Load(StateReader& state, Lsn as_of);
  absl::Status Replay(const RecordView& record, std::string_view payload);
  absl::StatusOr<std::optional<Digest>> StateDigest() const;
  absl::Status Save(StateWriter& out) const;

  // For the host: life. An instance is attached once.
  absl::Status Claim();
  void Attach(Runtime& runtime);
  /// Refuses what comes from now on, and waits for callers inside.
  absl::Status Close(const Context& context);
  /// Tells those who still wait for an asynchronous commit that its outcome is open. Closed before.
  void Detach();
  /// The component itself is gone: no callback runs any more when this returns. In a host that
  /// still has it, it has failed.
  void Orphan();
  /// Applies what is ready, unless another thread does; completes what cannot be applied any more,
  /// once the log is poisoned.
  void Pump(const Context& context);
  /// Looks whether a callback is still where it was seen a deadline ago; if so the component has
  /// failed.
  void Watch();
  /// Whether a thread of the host has been applying in Pump for so long that another should go on
  /// with the other components. True once for each such thread.
  bool DelaysOthers(std::chrono::nanoseconds patience);

  // For checkpoints.
  struct Frozen {
    Lsn as_of = {};                    ///< includes every operation of the component up to here
    bool changed = true;               ///< since `previous`
    std::vector<std::string> records;  ///< where there is no frozen view
    FrozenState view = nullptr;
    std::chrono::nanoseconds pause = {};
  };
  /// `previous`: what the newest checkpoint includes; nullopt if it has none of this component.
  absl::StatusOr<Frozen> Freeze(std::optional<Lsn> previous, const Context& context);
  struct FreezeRequest {
    ComponentCore* component = nullptr;
    std::optional<Lsn> previous = {};
  };
  /// As Freeze for each, and all at one position, which no batch straddles. Until a component is
  /// frozen nothing of it is committed: who wants to freezes it first, so that no component's
  /// committers wait for the callbacks of another. In the order of their ids.
  static absl::StatusOr<std::vector<Frozen>> FreezeTogether(std::span<const FreezeRequest> requests,
                                                            const Context& context);
  /// Runs a frozen view. Errors and exceptions fail the checkpoint, not the component's work.
  absl::Status SaveFrozen(Frozen& frozen, StateWriter& out);

  /// Replaces the state between two operations; `state` is whole, so an error is the component's.
  absl::Status Reload(StateReader& state, const Context& context);

  // For figures, and for who wants to know whether there is something to do.
  absl::Status failure() const;
  bool has_failed() const { return failed_.load(std::memory_order_acquire); }
  std::int64_t callers() const { return callers_.count(); }
  Lsn applied() const { return {applied_.load(std::memory_order_acquire)}; }
  std::uint64_t applied_count() const { return applied_count_.load(std::memory_order_relaxed); }
  std::uint64_t pending_count() const { return pending_count_.load(std::memory_order_relaxed); }

 private:
  class Call;
  class HoldingOrder;
  class OrderHold;
  class Cut;
  using Operations = IntrusiveQueue<PendingOperation>;

  // component_order.cc
  absl::Status AwaitOrder(const Context& context, const OrderHold* holder = nullptr)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(order_mutex_);
  absl::Status AwaitEarlier(Lsn lsn, const Context& context);
  void Enqueue(std::unique_ptr<PendingOperation> operation) noexcept
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(order_mutex_);

  // component_freeze.cc
  static absl::StatusOr<std::shared_ptr<Cut>> BeginCut(std::span<const FreezeRequest> requests,
                                                       const Context& context);
  std::shared_ptr<Cut> TakeCut(const Cut& of);
  void FreezeFor(std::shared_ptr<Cut> cut, const Context& context);

  // component_commit.cc
  absl::Status CheckCall(const Call& call, const CommitOptions& options) const;
  absl::StatusOr<std::unique_ptr<PendingOperation>> NewOperation(std::string_view payload,
                                                                 const CommitOptions& options);
  absl::Status CheckStateLock() const;
  absl::StatusOr<Lsn> Append(std::unique_ptr<PendingOperation>& operation, const Context& context);
  absl::StatusOr<std::optional<Lsn>> TryCommitIf(
      absl::FunctionRef<absl::StatusOr<std::string>()> decide, const CommitOptions& options);
  absl::StatusOr<std::string> Decide(absl::FunctionRef<absl::StatusOr<std::string>()> decide) const;

  // component_apply.cc
  absl::Status AwaitApplied(Lsn lsn, const Context& context);
  absl::Status AwaitDurable(Lsn lsn, const Context& context);
  absl::Status Drain(Lsn lsn, const Context& context);
  void WaitAWhile(CondVar& changed, Mutex& mutex, const Context& context)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  bool TakeTurn(const Context& context) noexcept ABSL_EXCLUSIVE_LOCKS_REQUIRED(apply_mutex_);
  bool MayTryAgain(const Context& context) ABSL_EXCLUSIVE_LOCKS_REQUIRED(apply_mutex_);
  bool ApplyReady(const Context& context) noexcept;
  bool AnyReady() const;
  Lsn Reached(const PendingOperation& operation) const;
  Operations TakeReady(std::uint64_t count_max);
  void ApplySome(Operations& ready, Operations& applied)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_mutex_);
  bool LockState(const Context& context) ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true, state_mutex_);
  bool LockStateShared(const Context& context) ABSL_SHARED_TRYLOCK_FUNCTION(true, state_mutex_);
  bool HasEnded(const Context& context) const noexcept;
  std::chrono::nanoseconds Slice(const Context& context) const;
  absl::Status ApplyOne(const RecordView& record, std::string_view payload);
  void Finish(Operations operations, const absl::Status& failure);
  void LogDigest();
  void Look();
  void MarkFailed(const absl::Status& why);
  void Fail(const absl::Status& why);
  void NotifyDue();
  void Notify(EventKind kind, const absl::Status& why) const;
  void FailPending(const absl::Status& why);
  absl::Status Blame(std::string_view callback, std::string_view what) const noexcept;
  /// Runs a callback of the component: an error, exception or call back into dr names it.
  absl::Status Guarded(std::string_view name, absl::FunctionRef<absl::Status()> callback) const;

  StatefulComponent& component_;
  const std::string id_;
  const Schema schema_;
  mutable SharedMutex state_mutex_;

  Callers callers_;                          ///< open while it is attached
  std::atomic<Runtime*> runtime_ = nullptr;  ///< stays; of a host that may have gone once detached_
  std::atomic<bool> claimed_ = false, detached_ = false;

  mutable Mutex order_mutex_;
  CondVar order_changed_;
  bool order_held_ ABSL_GUARDED_BY(order_mutex_) = false;
  /// Has waited longer than others, and is the next to hold it.
  const OrderHold* next_holder_ ABSL_GUARDED_BY(order_mutex_) = nullptr;
  /// Holds the order until this component is frozen, which nobody has begun.
  std::shared_ptr<Cut> cut_ ABSL_GUARDED_BY(order_mutex_);
  Lsn barrier_ ABSL_GUARDED_BY(order_mutex_);     ///< nothing is appended before this is applied
  Lsn last_ ABSL_GUARDED_BY(order_mutex_);        ///< appended
  Lsn last_local_ ABSL_GUARDED_BY(order_mutex_);  ///< appended at kLocal
  Lsn recovered_ ABSL_GUARDED_BY(order_mutex_);   ///< the log's end when the host was opened
  Operations pending_ ABSL_GUARDED_BY(order_mutex_);
  std::atomic<std::uint64_t> pending_count_ = 0;  ///< its size, without waiting for who has the log
  Operations spare_ ABSL_GUARDED_BY(order_mutex_);

  // Of the thread that applies.
  Operations markers_;  ///< digest notes on their way into the log

  mutable Mutex apply_mutex_;
  CondVar applied_changed_;
  bool applying_ ABSL_GUARDED_BY(apply_mutex_) = false;
  bool look_again_ ABSL_GUARDED_BY(apply_mutex_) = false;  ///< something has become ready meanwhile
  absl::Status failure_ ABSL_GUARDED_BY(apply_mutex_);
  std::atomic<bool> failed_ = false;
  std::atomic<bool> failure_notified_ = false;  ///< to the observer
  std::atomic<bool> state_held_ = false;  ///< by readers for a deadline, which is to be announced
  std::atomic<std::uint64_t> applied_ = 0;
  std::atomic<std::uint64_t> applied_count_ = 0;
  mutable CallbackWatch applying_watch_;  ///< of the thread that applies, StateDigest included
  CallbackWatch checkpoint_watch_;
  CallbackWatch pump_watch_;    ///< of the host's thread that applies
  CallbackWatch reader_watch_;  ///< of the thread that waits for readers of the state to leave
  SharedMutex views_mutex_;     ///< shared while a frozen view is written
};

}  // namespace dr::inline v0
