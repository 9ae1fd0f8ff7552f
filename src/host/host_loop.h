// What a host does by itself, on its own threads or in a runtime's event loop.
#pragma once

#include <atomic>
#include <stop_token>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/base/posix_wake.h"
#include "src/host/agenda.h"
#include "src/host/host_parts.h"
#include "src/host/host_threads.h"

namespace dr::inline v0 {

/// Thread-safe.
class HostLoop {
 public:
  explicit HostLoop(const HostParts& parts);
  HostLoop(const HostLoop&) = delete;
  HostLoop& operator=(const HostLoop&) = delete;

  absl::Status Start();
  absl::Status Step(const Context& context);
  absl::StatusOr<int> descriptor() { return descriptor_.Get(); }
  Instant next_deadline();
  /// Completes what callers have left behind when no caller is inside any more.
  void CompletePending(const Context& context);

  /// Stops a checkpoint that the host's threads are taking.
  void GiveWayToShutdown() { background_.request_stop(); }
  absl::Status StopWork(const Context& context) { return threads_.StopWork(context); }
  /// Called last, so that a callback that hangs until then is named like any other.
  absl::Status StopWatch(const Context& context) { return threads_.StopWatch(context); }
  /// For a forked child.
  void Forget() { threads_.Forget(); }

 private:
  Agenda::Due Look();
  Instant Watch();
  void WatchCallbacks();
  void ReplaceSlow();
  absl::Status KeepLog(bool at_rest);

  const HostParts parts_;
  Agenda agenda_;
  WakeDescriptor descriptor_;
  HostThreads threads_;
  std::stop_source background_;  ///< of the checkpoints that threads_ take
  std::atomic<bool> seal_due_ = false, replace_due_ = false;
  std::atomic<int> stepping_ = 0;
};

}  // namespace dr::inline v0
