// What a host has to do now, and when it has to look again: for its own threads, or for the event
// loop of a runtime that does without them.
#pragma once

#include "absl/functional/function_ref.h"
#include "dr/clock.h"
#include "dr/mutex.h"
#include "src/host/host_parts.h"

namespace dr::inline v0 {

/// Thread-safe.
class Agenda {
 public:
  explicit Agenda(const HostParts& parts);

  /// What the host is doing while it looks.
  struct Activity {
    bool log = false;         ///< a thread completes commits or keeps the log
    bool checkpoint = false;  ///< one is under way
  };
  struct Due {
    bool came = false;  ///< something was appended since the look before
    bool log = false;   ///< commits are to be completed, or space is to be prepared
    bool seal = false;  ///< the log has come to rest
    bool checkpoint = false;
    bool watch = false;  ///< a callback may be running, and was not looked at for a while
    Instant next = {};   ///< the next look at what somebody else does; never: when the bell rings
    bool now() const { return log || seal || checkpoint || watch; }
  };
  /// Arms the bell, unless the next look is soon; only then asks for the activity.
  Due Look(absl::FunctionRef<Activity()> activity);
  /// What was due for the log could not be done, usually for want of space.
  void PutOff();
  /// All callbacks have been looked at.
  void Watched();

 private:
  const HostParts parts_;
  const std::chrono::nanoseconds watch_period_;

  Mutex mutex_;
  Lsn seen_ ABSL_GUARDED_BY(mutex_);
  Instant seal_at_ ABSL_GUARDED_BY(mutex_);  ///< what needs it then
  Instant room_at_ ABSL_GUARDED_BY(mutex_);  ///< is looked for again
  Instant watch_at_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
