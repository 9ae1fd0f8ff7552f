// For programs that want to shut down in order on SIGTERM or SIGINT. The library itself installs
// nothing.
//
//   auto signals = dr::ShutdownSignals::Block();            // first in main, before any thread
//   …
//   signals->Wait();                                        // returns 15, say
//   host->Shutdown({.deadline = clock.Now() + std::chrono::seconds(20)});
#pragma once

#include <chrono>
#include <optional>

#include "absl/status/statusor.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// Blocks the signals for the calling thread and all threads that it starts later, so that none is
/// lost and a storm of them counts once. They stay blocked.
class DR_EXPORT ShutdownSignals {
 public:
  /// SIGTERM and SIGINT. Called by main() before it starts a thread.
  static absl::StatusOr<ShutdownSignals> Block();
  /// Waits for a signal, and returns it.
  int Wait() const;
  /// As Wait, but only for `timeout`, which other signals do not cut short.
  std::optional<int> WaitFor(std::chrono::nanoseconds timeout) const;

 private:
  ShutdownSignals() = default;
};

}  // namespace dr::inline v0
