// From "as durable as was asked for" to "in the state".
//
// One thread at a time has the turn: it applies what is ready, in Lsn order, for all who wait, and
// goes on until nothing is. The rest find their operations applied when they wake.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "dr/mutex.h"
#include "dr/types.h"
#include "src/component/callback_watch.h"
#include "src/component/commit_order.h"
#include "src/component/component_callbacks.h"
#include "src/component/component_waits.h"
#include "src/component/digest_notes.h"
#include "src/component/operation_pool.h"
#include "src/component/runtime.h"

namespace dr::inline v0 {

/// Thread-safe. Its mutex is a leaf: nothing is called out of under it.
class Applier {
 public:
  /// All outlive it.
  Applier(Runtime& runtime, ComponentCallbacks& callbacks, ComponentWaits& waits,
          CommitOrder& order, OperationPool& pool);

  /// Returns when the caller's operation at `lsn` is as durable as was asked for, and applied.
  /// kUnknown: the context ended first, and it may still happen. Otherwise the failure of the
  /// component or the log.
  absl::Status AwaitApplied(Lsn lsn, const Context& context);
  /// As AwaitApplied, for a caller whose own operation has no Lsn yet: there is nothing unknown
  /// about its outcome, and a context that ends is kDeadlineExceeded or kCancelled.
  absl::Status AwaitEarlier(Lsn lsn, const Context& context);
  /// Applies what is ready, unless another thread does, and completes what cannot be applied any
  /// more because the log is poisoned. The host calls it again and again, so it waits for nobody.
  void Pump(const Context& context);
  /// Whether a thread has been in Pump for so long that another should go on with the other
  /// components. True once for each such thread.
  bool DelaysOthers(std::chrono::nanoseconds patience);
  /// Tells the callers of asynchronous commits that are pending, and wakes those who wait.
  void EndPending(const absl::Status& why) noexcept;

  /// Operations applied here; those of a recovery are not counted.
  std::uint64_t applied_count() const { return applied_count_.load(std::memory_order_relaxed); }

 private:
  /// kAskedAgain: taken, and something may have become ready that its thread does not see.
  enum class Turn : std::uint8_t { kFree, kTaken, kAskedAgain };

  absl::Status AwaitDurable(Lsn lsn, const Context& context);
  absl::Status ApplyUpTo(Lsn lsn, const Context& context);
  bool TakeTurn(const Context& context) noexcept ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MayTryAgain(const Context& context) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool ApplyReady(const Context& context) noexcept;
  void ApplySome(PendingOperations& ready, PendingOperations& applied) noexcept
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(callbacks_.state_mutex());
  void Finish(PendingOperations operations, const absl::Status& failure) noexcept;
  absl::Status Open(Lsn lsn, std::string_view why, std::string_view next) const;

  Runtime& runtime_;
  ComponentCallbacks& callbacks_;
  ComponentWaits& waits_;
  CommitOrder& order_;
  OperationPool& pool_;
  DigestNotes digests_;  ///< of the thread that has the turn
  Mutex mutex_;
  CondVar changed_;
  Turn turn_ ABSL_GUARDED_BY(mutex_) = Turn::kFree;
  std::atomic<std::uint64_t> applied_count_ = 0;
  CallbackWatch pump_watch_;  ///< of the host's thread in Pump
};

}  // namespace dr::inline v0
