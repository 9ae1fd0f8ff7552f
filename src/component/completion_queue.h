// Callers' callbacks that wait for a thread of the host.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "dr/mutex.h"
#include "dr/types.h"
#include "src/base/assert.h"
#include "src/base/intrusive_queue.h"
#include "src/component/callback_watch.h"

namespace dr::inline v0 {

/// A callback and what it will be told. Made before its operation has an Lsn, so that telling it
/// needs no memory.
struct Completion {
  absl::AnyInvocable<void(absl::StatusOr<Lsn>)&&> done = nullptr;  ///< null: nobody is told
  absl::StatusOr<Lsn> result = Lsn{};
  Completion* next = nullptr;
};

/// Calls back, if there is a callback. Its exception ends here: it is its caller's own, and those
/// who come behind it are to be told all the same.
inline void Complete(absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done,
                     absl::StatusOr<Lsn> result) noexcept {
  if (done == nullptr) return;
  try {
    std::move(done)(std::move(result));
  } catch (...) {
    return;
  }
}

/// Thread-safe. Completions are told one after another, by one thread at a time, each once; only
/// one that hangs is passed.
class CompletionQueue {
 public:
  /// `wake` runs behind each Push and Wake, under the queue's mutex, to get a thread of the host
  /// going.
  void SetWake(absl::AnyInvocable<void()> wake) {
    MutexLock lock(mutex_);
    wake_ = std::move(wake);
  }
  void Push(std::unique_ptr<Completion> completion) {
    DR_ASSERT(completion != nullptr);
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
  /// Calls back for all that are there, without a lock, unless another thread does.
  void Run() {
    MutexLock lock(mutex_);
    if (!completer_) RunLocked();
  }
  /// As Run, but waits for another thread that does. Nothing is pushed meanwhile.
  void Finish() {
    MutexLock lock(mutex_);
    while (completer_ && completer_ != std::this_thread::get_id()) {
      completed_.Wait(mutex_);
    }
    RunLocked();
  }
  /// Whether a callback has not returned within `deadline`. The next Run passes it then.
  bool GiveUpOverdue(Instant now, std::chrono::nanoseconds deadline) {
    if (watch_.Overdue(now, deadline) == nullptr) return false;
    MutexLock lock(mutex_);
    ++turn_;
    completer_.reset();
    completed_.NotifyAll();
    return true;
  }

 private:
  void RunLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const std::uint64_t turn = ++turn_;
    completer_ = std::this_thread::get_id();
    while (std::unique_ptr<Completion> next = completions_.Pop()) {
      {
        MutexUnlock unlocked(mutex_);
        CallbackWatch::Inside inside(watch_, "done");
        Complete(std::move(next->done), std::move(next->result));
        next.reset();
      }
      if (turn != turn_) return;  // it was given up
    }
    DR_ASSERT(completions_.empty());
    completer_.reset();
    completed_.NotifyAll();
  }

  mutable Mutex mutex_;
  CondVar completed_;
  IntrusiveQueue<Completion> completions_ ABSL_GUARDED_BY(mutex_);
  absl::AnyInvocable<void()> wake_ ABSL_GUARDED_BY(mutex_);
  std::optional<std::thread::id> completer_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t turn_ ABSL_GUARDED_BY(mutex_) = 0;  ///< of the thread that completes
  CallbackWatch watch_;
};

}  // namespace dr::inline v0
