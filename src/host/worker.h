// A thread that does something every so often, or when it is woken.
#pragma once

#include <algorithm>
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
  /// From inside the work: the next is due in `delay`, if not before.
  void WakeIn(std::chrono::nanoseconds delay) {
    MutexLock lock(mutex_);
    next_in_ = delay;
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
    JoinEnded();
    return absl::OkStatus();
  }
  /// In a forked child, where the threads do not exist and the lock may be held for ever.
  void Forget() {
    // Kept for ever: to join or detach a thread that is not there is undefined.
    static_cast<void>(new std::list<Thread>(std::move(threads_)));
    forgotten_ = true;
  }

 private:
  struct Thread {
    std::thread thread;
    bool ended = false;
  };

  void StartThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    JoinEnded();
    Thread& thread = threads_.emplace_back();
    try {
      thread.thread =
          std::thread([this, &thread, generation = generation_ + 1] { Run(thread, generation); });
    } catch (...) {
      threads_.pop_back();
      throw;
    }
    ++generation_;
    working_ = false;
    ++running_;
  }
  void JoinEnded() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    threads_.remove_if([](Thread& thread) {
      if (thread.ended) thread.thread.join();
      return thread.ended;
    });
  }
  void Run(Thread& self, std::uint64_t generation) {
    MutexLock lock(mutex_);
    while (!stop_ && generation == generation_) {
      if (!woken_) changed_.WaitFor(mutex_, std::min(period_, next_in_));
      if (stop_ || generation != generation_) break;
      woken_ = false;
      next_in_ = period_;
      working_ = true;
      mutex_.unlock();
      work_();
      mutex_.lock();
      if (generation == generation_) working_ = false;
    }
    self.ended = true;
    --running_;
    changed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar changed_;
  std::chrono::nanoseconds period_ ABSL_GUARDED_BY(mutex_) = {};
  std::chrono::nanoseconds next_in_ ABSL_GUARDED_BY(mutex_) = std::chrono::nanoseconds::max();
  std::function<void()> work_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool working_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;  ///< of the thread that counts
  std::uint64_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::list<Thread> threads_;
  bool forgotten_ = false;
};

}  // namespace dr::inline v0
