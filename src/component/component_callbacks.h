// A component as dr calls it: its state and the position that includes, and each of its callbacks.
//
// What a callback does wrong (an error, an exception, a call back into dr) comes back as a fault
// that names the component and the callback. The state's lock is the one that the component's own
// readers share: exclusive for Apply and LoadState, shared for the rest.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "dr/log/segment.h"
#include "dr/mutex.h"
#include "dr/stateful_component.h"
#include "src/component/callback_watch.h"
#include "src/component/component_health.h"
#include "src/component/component_identity.h"

namespace dr::inline v0 {

/// A state as it was at one moment.
struct StateCopy {
  std::vector<std::string> records = {};  ///< where there is no view
  FrozenState view = nullptr;
};

/// Thread-safe.
class ComponentCallbacks {
 public:
  /// `component` outlives each call of a callback.
  ComponentCallbacks(StatefulComponent& component, ComponentIdentity identity);

  const ComponentIdentity& identity() const { return identity_; }
  ComponentHealth& health() { return health_; }
  const ComponentHealth& health() const { return health_; }
  SharedMutex& state_mutex() const ABSL_LOCK_RETURNED(state_mutex_) { return state_mutex_; }
  /// The last operation that the state includes.
  Lsn applied() const { return {applied_.load(std::memory_order_acquire)}; }
  /// Applying needs the state's lock alone, so a thread that has it would wait for itself.
  absl::Status CheckStateLock() const;

  // Recovery, on one thread. These take the state's lock.
  absl::Status RegisterUpgrades(SchemaUpgrades& upgrades) const;
  absl::Status Load(StateReader& state, Lsn as_of);
  absl::Status Replay(const RecordView& record, std::string_view payload);
  absl::Status Save(StateWriter& out) const;
  /// nullopt: the component keeps none, or the state is locked, which it is worth no waiting.
  absl::StatusOr<std::optional<Digest>> StateDigest() const;

  // While a host has it. The caller has the state's lock.

  /// One thread at a time; while it lives, an Apply that makes no Progress is overdue.
  CallbackWatch::Inside BeginApplying() ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_mutex_) {
    return {applying_watch_, "Apply"};
  }
  absl::Status Apply(const RecordView& record, std::string_view payload)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_mutex_);
  absl::Status Reload(StateReader& state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_mutex_);
  /// Fails also where the component has: an Apply that failed has left half an operation here.
  absl::StatusOr<StateCopy> CopyState() ABSL_SHARED_LOCKS_REQUIRED(state_mutex_);

  /// Writes a copy out, without the state's lock. Errors and exceptions of its view fail the
  /// checkpoint, not the component's work.
  absl::Status WriteCopy(StateCopy& copy, StateWriter& out);

  /// Names the callback that is still where it was seen a `deadline` ago; OK if there is none.
  absl::Status Overdue(Instant now, std::chrono::nanoseconds deadline) noexcept;
  /// Waits for the callbacks that run. The component has failed, so none begins behind this.
  void AwaitEnd();

 private:
  absl::Status Blame(std::string_view callback, std::string_view what) const noexcept;
  absl::Status Guarded(std::string_view name, absl::FunctionRef<absl::Status()> callback) const;

  StatefulComponent& component_;
  const ComponentIdentity identity_;
  ComponentHealth health_;
  mutable SharedMutex state_mutex_;
  SharedMutex views_mutex_;  ///< shared while a frozen view is written
  std::atomic<std::uint64_t> applied_ = 0;
  mutable CallbackWatch applying_watch_;  ///< of the thread that applies, StateDigest included
  CallbackWatch checkpoint_watch_;
};

}  // namespace dr::inline v0
