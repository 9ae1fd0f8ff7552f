// A thread that does something every so often, or when it is woken.
#pragma once

#include <chrono>
#include <functional>
#include <thread>
#include <utility>

#include "dr/mutex.h"

namespace dr::inline v0 {

class Worker {
 public:
  ~Worker() { Stop(); }

  void Start(std::chrono::nanoseconds period, std::function<void()> work) {
    thread_ = std::thread([this, period, work = std::move(work)] {
      MutexLock lock(mutex_);
      while (!stop_) {
        if (!woken_) changed_.WaitFor(mutex_, period);
        woken_ = false;
        if (stop_) return;
        mutex_.unlock();
        work();
        mutex_.lock();
      }
    });
  }
  void Wake() {
    MutexLock lock(mutex_);
    woken_ = true;
    changed_.NotifyOne();
  }
  /// Waits for the work under way. Called again, or without Start, it does nothing.
  void Stop() {
    {
      MutexLock lock(mutex_);
      stop_ = true;
      changed_.NotifyOne();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace dr::inline v0
