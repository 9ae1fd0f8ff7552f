// What a component has while a host has it: who waits, who is next, and who applies.
#pragma once

#include "src/component/applier.h"
#include "src/component/commit_order.h"
#include "src/component/component_callbacks.h"
#include "src/component/component_waits.h"
#include "src/component/operation_pool.h"
#include "src/component/runtime.h"

namespace dr::inline v0 {

/// Wiring of parts that are thread-safe each for itself.
class Attachment final : private OrderWaits {
 public:
  /// Both outlive it. What the component has recovered stands.
  Attachment(Runtime& runtime, ComponentCallbacks& callbacks);

  Runtime& runtime() { return runtime_; }
  ComponentWaits& waits() { return waits_; }
  CommitOrder& order() { return order_; }
  const CommitOrder& order() const { return order_; }
  OperationPool& pool() { return pool_; }
  Applier& applier() { return applier_; }
  const Applier& applier() const { return applier_; }
  Lsn recovered() const { return recovered_; }  ///< the log's end when the host was opened

 private:
  absl::Status Failure() const override { return callbacks_.health().failure(); }
  Lsn applied() const override { return callbacks_.applied(); }
  absl::Status Check(const Context& context) const override;
  absl::Status WaitASlice(CondVar& changed, Mutex& mutex, const Context& context) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  absl::Status AwaitEarlier(Lsn lsn, const Context& context) override {
    return applier_.AwaitEarlier(lsn, context);
  }

  Runtime& runtime_;
  ComponentCallbacks& callbacks_;
  const Lsn recovered_;
  ComponentWaits waits_;
  CommitOrder order_;
  OperationPool pool_;
  Applier applier_;
};

}  // namespace dr::inline v0
