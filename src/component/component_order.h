// Being inside a component, and holding its order.
#pragma once

#include <memory>

#include "src/component/component_core.h"

namespace dr::inline v0 {

/// Counts its caller in, so that the host waits for it.
class ComponentCore::Call {
 public:
  explicit Call(ComponentCore& core) : core_(core) {
    runtime_ = core_.callers_.Enter() ? core_.runtime_.load() : nullptr;
  }
  ~Call() {
    if (runtime_ != nullptr) core_.NotifyDue();
    core_.callers_.Leave();
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  /// Null: there is no host.
  Runtime* runtime() const { return runtime_; }

 private:
  ComponentCore& core_;
  Runtime* runtime_;
};

/// While it lives this thread holds a component's order. No observer is called on it meanwhile:
/// the observer may wait for a thread that waits for the order.
class ComponentCore::HoldingOrder {
 public:
  HoldingOrder() { ++count_; }
  ~HoldingOrder() { --count_; }
  HoldingOrder(const HoldingOrder&) = delete;
  HoldingOrder& operator=(const HoldingOrder&) = delete;
  static bool Any() { return count_ > 0; }

 private:
  static thread_local int count_;
};

/// A component's order, held: nobody else's operation of it gets a Lsn.
class ComponentCore::OrderHold {
 public:
  explicit OrderHold(ComponentCore& core) : core_(core) {}
  ~OrderHold();
  OrderHold(const OrderHold&) = delete;
  OrderHold& operator=(const OrderHold&) = delete;

  /// Returns the component's last operation so far.
  absl::StatusOr<Lsn> Acquire(const Context& context);
  void Enqueue(std::unique_ptr<PendingOperation> operation);
  /// Nothing follows this operation before it is applied.
  void EnqueueBarrier(std::unique_ptr<PendingOperation> operation);
  /// From now on `cut` holds the order.
  void HandOver(std::shared_ptr<Cut> cut);
  const ComponentCore& core() const { return core_; }

 private:
  ComponentCore& core_;
  std::optional<HoldingOrder> held_;
};

/// Several components at one position, until each is frozen there. A component's cut_ is taken away
/// from it by whoever is to freeze it; the order is given back behind that.
class ComponentCore::Cut {
 public:
  Cut(std::span<const FreezeRequest> requests, Lsn position, Instant since);

  /// All components as they were at the position: freezes those that no other thread freezes, and
  /// waits for the rest. The first failure ends it.
  absl::StatusOr<std::vector<Frozen>> Gather(const Context& context);
  /// What has not been frozen need not be any more.
  void End();
  bool ended() const { return ended_.load(); }

  std::optional<Lsn> PreviousOf(const ComponentCore& component) const;
  void Deliver(const ComponentCore& component, absl::StatusOr<Frozen> frozen);

 private:
  const std::vector<FreezeRequest> requests_;
  const Lsn position_;
  const Instant since_;
  std::atomic<bool> ended_ = false;
  Mutex mutex_;
  CondVar delivered_;
  std::vector<std::optional<absl::StatusOr<Frozen>>> frozen_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
