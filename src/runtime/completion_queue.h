// Callbacks that wait for a thread of the host.
#pragma once

#include <deque>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "dr/mutex.h"

namespace dr::inline v0 {

/// Thread-safe. `wake` runs after each Push, to get a thread of the host going.
class CompletionQueue {
 public:
  using Callback = absl::AnyInvocable<void() &&>;

  void SetWake(absl::AnyInvocable<void()> wake) {
    MutexLock lock(mutex_);
    wake_ = std::move(wake);
  }
  void Push(Callback callback) {
    MutexLock lock(mutex_);
    callbacks_.push_back(std::move(callback));
    if (wake_) wake_();
  }
  /// Wakes the host without a callback: something was appended that nobody waits for.
  void Wake() {
    MutexLock lock(mutex_);
    if (wake_) wake_();
  }
  /// Runs all that are there, without a lock. Returns how many.
  std::size_t Run() {
    std::deque<Callback> callbacks;
    {
      MutexLock lock(mutex_);
      callbacks.swap(callbacks_);
    }
    for (Callback& callback : callbacks) std::move(callback)();
    return callbacks.size();
  }

 private:
  Mutex mutex_;
  std::deque<Callback> callbacks_ ABSL_GUARDED_BY(mutex_);
  absl::AnyInvocable<void()> wake_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
