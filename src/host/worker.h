// A thread that does something every so often, or when it is woken.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <thread>
#include <utility>

#include "dr/clock.h"
#include "dr/mutex.h"
#include "dr/status.h"

namespace dr::inline v0 {

class Worker {
 public:
  ~Worker() { static_cast<void>(Stop({}, SystemClock())); }

  void Start(std::chrono::nanoseconds period, std::function<void()> work) {
    MutexLock lock(mutex_);
    period_ = period;
    work_ = std::move(work);
    StartThread();
  }
  /// For work that hangs in a callback: another thread goes on in the place of the one inside it,
  /// which ends when the callback returns.
  void Replace() {
    MutexLock lock(mutex_);
    if (!stop_ && working_) StartThread();
  }
  void Wake() {
    MutexLock lock(mutex_);
    woken_ = true;
    changed_.NotifyAll();
  }
  /// Waits for the work under way, within the context. Called again, or without Start, it does
  /// nothing.
  absl::Status Stop(const Context& context, const Clock& clock) {
    if (forgotten_) return absl::OkStatus();
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyAll();
    while (running_ > 0) {
      DR_RETURN_IF_ERROR(CheckContext(context, clock, "work under way"));
      changed_.WaitFor(mutex_, std::chrono::milliseconds(10));
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    return absl::OkStatus();
  }
  /// In a forked child, where the threads do not exist and the lock may be held for ever.
  void Forget() {
    // Kept for ever: to join or detach a thread that is not there is undefined.
    static_cast<void>(new std::list<std::thread>(std::move(threads_)));
    forgotten_ = true;
  }

 private:
  void StartThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const std::uint64_t generation = ++generation_;
    working_ = false;
    threads_.emplace_back([this, generation] { Run(generation); });
    ++running_;
  }
  void Run(std::uint64_t generation) {
    MutexLock lock(mutex_);
    while (!stop_ && generation == generation_) {
      if (!woken_) changed_.WaitFor(mutex_, period_);
      if (stop_ || generation != generation_) break;
      woken_ = false;
      working_ = true;
      mutex_.unlock();
      work_();
      mutex_.lock();
      if (generation == generation_) working_ = false;
    }
    --running_;
    changed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar changed_;
  std::chrono::nanoseconds period_ ABSL_GUARDED_BY(mutex_) = {};
  std::function<void()> work_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool working_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;  ///< of the thread that counts
  std::uint64_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::list<std::thread> threads_;
  bool forgotten_ = false;
};

}  // namespace dr::inline v0
