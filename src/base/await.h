// Waiting for what another thread does, within a context.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "dr/clock.h"
#include "dr/mutex.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// Wakes the threads that wait for `changed` when the context is stopped. Must be made before the
/// mutex is locked and destroyed after it was released, because a stop locks it.
class StopWake {
 public:
  StopWake(const Context& context, Mutex& mutex, CondVar& changed)
      : on_stop_(context.stop, Notify{mutex, changed}) {}

 private:
  struct Notify {
    Mutex& mutex;
    CondVar& changed;
    void operator()() const {
      MutexLock lock(mutex);
      changed.NotifyAll();
    }
  };
  std::stop_callback<Notify> on_stop_;
};

/// Waits for a notification of `changed`, or says why the context has ended, naming `what`. It may
/// return spuriously: callers loop on their condition. They need a StopWake.
inline absl::Status AwaitChange(CondVar& changed, Mutex& mutex, const Context& context,
                                const Clock& clock, std::string_view what)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock, what));
  clock.Wait(changed, mutex, context.deadline);
  return absl::OkStatus();
}

}  // namespace dr::inline v0
