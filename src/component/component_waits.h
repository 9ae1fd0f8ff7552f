// How a thread waits for something of a component: in slices. In between it looks at its context,
// and at the callbacks that may be what it waits for, since without Host::Start only those who wait
// can notice one that hangs.
#pragma once

#include <chrono>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "dr/mutex.h"
#include "dr/types.h"
#include "src/component/callback_watch.h"
#include "src/component/component_callbacks.h"
#include "src/component/runtime.h"

namespace dr::inline v0 {

/// Thread-safe.
class ComponentWaits {
 public:
  /// Ends what waits for the component. Called by the thread that has noticed the failure, with no
  /// lock of the component but perhaps an order.
  using OnFailure = absl::AnyInvocable<void(const absl::Status& why) const>;

  /// All outlive it.
  ComponentWaits(const Runtime& runtime, ComponentCallbacks& callbacks, OnFailure on_failure);

  bool HasEnded(const Context& context) const noexcept;
  /// One slice of a wait for `changed`, with a look behind it. The mutex is given back meanwhile.
  void WaitASlice(CondVar& changed, Mutex& mutex, const Context& context)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  // `state` is the component's state_mutex(); the caller names it, so that the analysis sees it.

  /// False: the context has ended, or this thread has the lock already, or there is something to
  /// tell first (NotifyDue). That the component has failed is no hindrance.
  bool LockState(SharedMutex& state, const Context& context) noexcept
      ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true, state);
  /// False: the context has ended, or the component has failed.
  bool LockStateShared(SharedMutex& state, const Context& context)
      ABSL_SHARED_TRYLOCK_FUNCTION(true, state);

  /// Looks whether a callback is still where it was seen a deadline ago, which fails the component,
  /// or readers keep its state; and tells the observer, unless this thread holds an order.
  void Watch();
  void NotifyDue() noexcept;
  /// The component has failed, unless it had before.
  void Fail(const absl::Status& why) noexcept;

 private:
  std::chrono::nanoseconds Slice(const Context& context) const noexcept;
  void Look() noexcept;

  const Runtime& runtime_;
  ComponentCallbacks& callbacks_;
  const OnFailure on_failure_;
  CallbackWatch readers_watch_;  ///< of the thread that waits for readers of the state to leave
};

}  // namespace dr::inline v0
