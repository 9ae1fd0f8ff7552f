// The threads of a host: one keeps the log and completes commits, one takes checkpoints, and one
// keeps the time for both and watches callbacks. All three sleep while there is nothing to do.
#pragma once

#include <utility>

#include "dr/clock.h"
#include "dr/mutex.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/base/out_of_memory.h"
#include "src/host/worker.h"

namespace dr::inline v0 {

class HostThreads {
 public:
  struct Works {
    Worker::Work log, checkpoint, watch;
  };

  explicit HostThreads(const Clock& clock)
      : log_("dr-worker", clock), checkpoint_("dr-checkpoint", clock), watch_("dr-watch", clock) {}

  /// Starts the threads once. It may be called again if it failed, with nothing started
  /// (kResourceExhausted), but not after a stop.
  absl::Status Start(Works works) {
    MutexLock lock(mutex_);
    if (stopped_) {
      return MakeFault({.kind = FaultKind::kUsage, .next = "open a host again"},
                       "the host is being shut down");
    }
    if (started_) return absl::OkStatus();
    const absl::Status made = WithinMemory([&]() -> absl::Status {
      DR_RETURN_IF_ERROR(log_.Start(std::move(works.log)));
      DR_RETURN_IF_ERROR(checkpoint_.Start(std::move(works.checkpoint)));
      return watch_.Start(std::move(works.watch));
    });
    if (!made.ok()) {
      for (Worker* worker : {&log_, &checkpoint_, &watch_}) static_cast<void>(worker->Stop({}));
      return made;
    }
    started_ = true;
    watch_.Wake();
    log_.Wake();  // for commits from before
    return absl::OkStatus();
  }

  void WakeLog() { log_.Wake(); }
  void WakeCheckpoint() { checkpoint_.Wake(); }
  void WakeWatch() { watch_.Wake(); }
  bool log_working() const { return log_.working(); }
  absl::Status ReplaceLog() {
    return WithinMemory([this] { return log_.Replace(); });
  }

  /// Stops all but the thread that watches callbacks, which goes on until the end.
  absl::Status StopWork(const Context& context) {
    {
      MutexLock lock(mutex_);
      stopped_ = true;
    }
    DR_RETURN_IF_ERROR(log_.Stop(context));
    return checkpoint_.Stop(context);
  }
  absl::Status StopWatch(const Context& context) { return watch_.Stop(context); }
  /// For a forked child.
  void Forget() {
    for (Worker* worker : {&log_, &checkpoint_, &watch_}) worker->Forget();
  }

 private:
  Mutex mutex_;
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  Worker log_, checkpoint_, watch_;
};

}  // namespace dr::inline v0
