// Turns for work that may take long: one thread at a time, and the others wait within their
// contexts.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/clock.h"
#include "dr/mutex.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "dr/types.h"
#include "src/base/assert.h"
#include "src/base/await.h"

namespace dr::inline v0 {

/// One holder at a time. It may hang in a callback, so the others wait within their contexts.
class Turn {
 public:
  explicit Turn(const Clock& clock) : clock_(clock) {}

  struct GiveBack {
    void operator()(Turn* turn) const {
      MutexLock lock(turn->mutex_);
      DR_ASSERT(turn->taken_);
      turn->taken_ = false;
      turn->free_.NotifyOne();
    }
  };
  using Hold = std::unique_ptr<Turn, GiveBack>;

  /// `what` names, in the error, what the caller waits for.
  absl::StatusOr<Hold> Take(const Context& context, std::string_view what) {
    const StopWake on_stop(context, mutex_, free_);
    MutexLock lock(mutex_);
    while (taken_) DR_RETURN_IF_ERROR(AwaitChange(free_, mutex_, context, clock_, what));
    taken_ = true;
    return Hold(this);
  }
  bool taken() const {
    MutexLock lock(mutex_);
    return taken_;
  }

 private:
  const Clock& clock_;
  mutable Mutex mutex_;
  CondVar free_;
  bool taken_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace dr::inline v0
