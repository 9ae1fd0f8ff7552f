// Callers' callbacks that wait for a thread of the host.
#pragma once

#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "dr/mutex.h"
#include "dr/types.h"
#include "src/base/intrusive_queue.h"

namespace dr::inline v0 {

/// A callback and what it will be told. Made before its operation has an Lsn, so that telling it
/// needs no memory.
struct Completion {
  absl::AnyInvocable<void(absl::StatusOr<Lsn>)&&> done = nullptr;
  absl::StatusOr<Lsn> result = Lsn{};
  Completion* next = nullptr;
};

/// Calls back. An exception of the callback ends here: it is its caller's own, and those who come
/// behind it are to be told all the same.
inline void Tell(absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done,
                 absl::StatusOr<Lsn> result) noexcept {
  try {
    std::move(done)(std::move(result));
  } catch (...) {
    return;
  }
}

/// Thread-safe. `wake` runs after each Push, to get a thread of the host going.
class CompletionQueue {
 public:
  void SetWake(absl::AnyInvocable<void()> wake) {
    MutexLock lock(mutex_);
    wake_ = std::move(wake);
  }
  void Push(std::unique_ptr<Completion> completion) {
    MutexLock lock(mutex_);
    completions_.Push(std::move(completion));
    if (wake_) wake_();
  }
  /// Wakes the host without a callback: something was appended that nobody waits for.
  void Wake() {
    MutexLock lock(mutex_);
    if (wake_) wake_();
  }
  bool empty() const {
    MutexLock lock(mutex_);
    return completions_.empty();
  }
  /// Runs all that are there, without a lock.
  void Run() {
    IntrusiveQueue<Completion> completions;
    {
      MutexLock lock(mutex_);
      completions.Append(completions_);
    }
    while (std::unique_ptr<Completion> next = completions.Pop()) {
      Tell(std::move(next->done), std::move(next->result));
    }
  }

 private:
  mutable Mutex mutex_;
  IntrusiveQueue<Completion> completions_ ABSL_GUARDED_BY(mutex_);
  absl::AnyInvocable<void()> wake_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
