// What stands behind a StatefulComponent: its callbacks for good, and an Attachment while a host
// has it.
//
// Locks: the state's lock may be held when a mutex of the order or the applier is taken; these are
// leaves, and nothing calls a callback, an observer or the log's sink, or waits for another thread,
// with one of them. What is held for longer is a state of its own: the order, and the applier's
// turn.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "dr/stateful_component.h"
#include "src/component/attachment.h"
#include "src/component/callers.h"
#include "src/component/component_callbacks.h"

namespace dr::inline v0 {

/// Thread-safe, but for Claim to Detach, which the host calls one after another.
class ComponentCore {
 public:
  ComponentCore(StatefulComponent& component, std::string id, Schema schema)
      : callbacks_(component, {std::move(id), std::move(schema)}) {}
  static ComponentCore& Of(const StatefulComponent& component) { return *component.core_; }
  /// For what outlives the component, if that is destroyed too early.
  static std::shared_ptr<ComponentCore> Share(const StatefulComponent& component) {
    return component.core_;
  }

  const std::string& id() const { return callbacks_.identity().id; }
  const Schema& schema() const { return callbacks_.identity().schema; }
  ComponentCallbacks& callbacks() { return callbacks_; }
  const ComponentCallbacks& callbacks() const { return callbacks_; }

  // A user's call. An instance is claimed and attached once.

  /// Counts the caller in, which leaves in any case. Null: no host has the component.
  Attachment* Enter() { return callers_.Enter() ? attachment_.get() : nullptr; }
  void Leave() { callers_.Leave(); }

  // Its host.

  /// kFailedPrecondition: it was given to a host before.
  absl::Status Claim();
  /// Has been recovered. `runtime` stays until behind Detach.
  void Attach(Runtime& runtime);
  /// Refuses what comes from now on, and waits for callers inside.
  absl::Status Close(const Context& context);
  /// Tells those who still wait for an asynchronous commit that its outcome is open. Closed before.
  void Detach();
  /// The component itself is gone: no callback runs any more when this returns. In a host that
  /// still has it, it has failed.
  void Orphan();
  /// It has been attached.
  Attachment& attachment();
  void Pump(const Context& context) { attachment().applier().Pump(context); }
  void Watch() { attachment().waits().Watch(); }
  bool DelaysOthers(std::chrono::nanoseconds patience) {
    return attachment().applier().DelaysOthers(patience);
  }

  absl::Status failure() const { return callbacks_.health().failure(); }
  bool has_failed() const { return callbacks_.health().has_failed(); }
  Lsn applied() const { return callbacks_.applied(); }
  std::int64_t callers() const { return callers_.count(); }
  /// Operations applied since it was attached.
  std::uint64_t applied_count() const {
    return attachment_ != nullptr ? attachment_->applier().applied_count() : 0;
  }
  std::uint64_t pending_count() const {
    return attachment_ != nullptr ? attachment_->order().pending_count() : 0;
  }

 private:
  ComponentCallbacks callbacks_;
  Callers callers_;                         ///< open while it is attached
  std::unique_ptr<Attachment> attachment_;  ///< stays; of a host that may have gone once detached_
  std::atomic<bool> claimed_ = false, detached_ = false;
};

}  // namespace dr::inline v0
