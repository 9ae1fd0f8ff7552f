// The users' calls that are inside a component, so that its host waits for them before it goes.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "dr/clock.h"
#include "dr/mutex.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/base/assert.h"

namespace dr::inline v0 {

/// Thread-safe. Closed at first.
class Callers {
 public:
  void Open() { open_.store(true); }
  /// Nobody who enters from now on is let in.
  void Close() { open_.store(false); }

  /// Counts the caller in, who leaves in any case. False: it is not let in.
  bool Enter() {
    inside_.fetch_add(1);
    return open_.load();
  }
  void Leave() {
    // The last access, since what was waited for is destroyed next. If it is closed in between,
    // AwaitEmpty finds out by itself.
    if (open_.load()) return CountOut();
    MutexLock lock(mutex_);
    CountOut();
    left_.NotifyAll();
  }
  std::int64_t count() const { return inside_.load(); }
  /// Closed before.
  absl::Status AwaitEmpty(const Context& context, const Clock& clock, std::string_view what) {
    MutexLock lock(mutex_);
    while (inside_.load() != 0) {
      DR_RETURN_IF_ERROR(CheckContext(context, clock, what));
      left_.WaitFor(mutex_, std::chrono::milliseconds(10));
    }
    return absl::OkStatus();
  }

 private:
  void CountOut() {
    const std::int64_t before = inside_.fetch_sub(1);
    DR_ASSERT(before > 0);
  }

  std::atomic<bool> open_ = false;
  std::atomic<std::int64_t> inside_ = 0;
  Mutex mutex_;
  CondVar left_;
};

}  // namespace dr::inline v0
