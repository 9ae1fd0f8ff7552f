// A thread that sleeps until it is woken, or until its work is due again.
#pragma once

#include <pthread.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <system_error>
#include <thread>
#include <utility>

#include "dr/clock.h"
#include "dr/mutex.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/assert.h"
#include "src/base/await.h"
#include "src/base/out_of_memory.h"

namespace dr::inline v0 {

class Worker {
 public:
  /// Returns when it is due again; "never" means when it is woken. If it runs out of memory, it is
  /// due again a second later.
  using Work = std::function<Instant()>;

  /// `name` has at most 15 characters, and is what tools show of the thread.
  Worker(const char* name, const Clock& clock) : name_(name), clock_(clock) {}
  ~Worker() { static_cast<void>(Stop({})); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Starts a thread that does nothing before it is woken. kResourceExhausted: no thread could be
  /// made; Start may be called again, as after Stop.
  absl::Status Start(Work work) {
    MutexLock lock(mutex_);
    work_ = std::move(work);
    stop_ = false;
    return StartThread();
  }
  /// For work that hangs in a callback: another thread takes the place of the one inside it, which
  /// ends when the callback returns. kResourceExhausted: no thread could be made.
  absl::Status Replace() {
    MutexLock lock(mutex_);
    if (stop_ || !working_) return absl::OkStatus();
    woken_ = true;
    return StartThread();
  }
  void Wake() {
    MutexLock lock(mutex_);
    woken_ = true;
    changed_.NotifyAll();
  }
  bool working() const {
    MutexLock lock(mutex_);
    return working_;
  }
  /// Waits for the work under way, within the context. A second call, or one without Start, does
  /// nothing.
  absl::Status Stop(const Context& context) {
    if (forgotten_) return absl::OkStatus();
    const StopWake on_stop(context, mutex_, changed_);
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyAll();
    for (const Thread& thread : threads_) {
      if (thread.thread.get_id() != std::this_thread::get_id()) continue;
      return MakeFault({.kind = FaultKind::kUsage, .next = "call it from a thread of the program"},
                       "a thread of the host was to wait for its own end");
    }
    while (running_ > 0) {
      DR_RETURN_IF_ERROR(AwaitChange(changed_, mutex_, context, clock_, "work under way"));
    }
    JoinEnded();
    return absl::OkStatus();
  }
  /// For a forked child, where the threads do not exist and the lock may be held for ever.
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

  absl::Status StartThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    JoinEnded();
    std::list<Thread> made(1);
    try {
      made.front().thread = std::thread(
          [this, &self = made.front(), generation = generation_ + 1] { Run(self, generation); });
    } catch (const std::system_error& error) {
      return MakeFault({.kind = FaultKind::kNoSpace,
                        .place = name_,
                        .next = "allow the process more threads and call again"},
                       fmt::format("no thread could be made: {}", error.code().message()));
    }
    threads_.splice(threads_.end(), made);
    ++generation_;
    ++running_;
    working_ = false;
    return absl::OkStatus();
  }
  void JoinEnded() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    threads_.remove_if([](Thread& thread) {
      if (thread.ended) thread.thread.join();
      return thread.ended;
    });
  }
  void Run(Thread& self, std::uint64_t generation) {
    pthread_setname_np(pthread_self(), name_);
    MutexLock lock(mutex_);
    for (Instant due; !stop_ && generation == generation_;) {
      if (!woken_ && clock_.Now() < due) {
        clock_.Wait(changed_, mutex_, due);
        continue;
      }
      woken_ = false;
      working_ = true;
      mutex_.unlock();
      due = clock_.Now() + std::chrono::seconds(1);
      static_cast<void>(WithinMemory([&] {
        due = work_();
        return absl::OkStatus();
      }));
      mutex_.lock();
      if (generation == generation_) working_ = false;
    }
    DR_ASSERT(running_ > 0 && generation <= generation_);
    self.ended = true;
    --running_;
    changed_.NotifyAll();
  }

  const char* const name_;
  const Clock& clock_;
  mutable Mutex mutex_;
  CondVar changed_;
  Work work_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool working_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;  ///< of the thread that counts
  std::uint64_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::list<Thread> threads_;
  bool forgotten_ = false;
};

}  // namespace dr::inline v0
