// Somebody asleep until an Lsn is durable, on a list that takes no memory of its own.
//
// Waking is most of what group commit costs with many writers, so it is done without the log's
// mutex, and who has been woken because its Lsn is durable needs no lock at all to go on.
#pragma once

#include <atomic>

#include "dr/clock.h"
#include "dr/mutex.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// Lives on its own thread's stack. Whoever takes it off a list must wake it.
class Waiter {
 public:
  Waiter(Lsn upto, const Context& context)
      : upto_(upto),
        context_(context),
        patient_(context.deadline.is_never() && !context.stop.stop_possible()) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  Lsn upto() const { return upto_; }
  bool listed() const { return listed_; }

  /// Until it is woken or its context ends. False: it was not woken.
  bool Sleep(const Clock& clock) {
    if (patient_) return AwaitWake();
    std::stop_callback on_stop(context_.stop, [this] {
      MutexLock lock(mutex_);
      changed_.NotifyOne();
    });
    MutexLock lock(mutex_);
    while (!awake_.load(std::memory_order_acquire)) {
      if (context_.stop.stop_requested()) return false;
      if (context_.deadline.is_never()) {
        changed_.Wait(mutex_);
        continue;
      }
      const auto left = context_.deadline - clock.Now();
      if (left.count() <= 0) return false;
      changed_.WaitFor(mutex_, left);
    }
    return true;
  }
  /// For one that has been taken off its list already: the waking is under way.
  bool AwaitWake() {
    if (patient_) {
      awake_.wait(0, std::memory_order_acquire);
      return true;
    }
    MutexLock lock(mutex_);
    while (!awake_.load(std::memory_order_acquire)) changed_.Wait(mutex_);
    return true;
  }
  /// The waiter may be gone when this returns.
  void Wake() {
    if (patient_) {
      awake_.store(1, std::memory_order_release);
      awake_.notify_one();
      return;
    }
    MutexLock lock(mutex_);
    awake_.store(1, std::memory_order_release);
    changed_.NotifyOne();
  }

 private:
  friend class WaiterList;
  const Lsn upto_;
  const Context& context_;
  const bool patient_;  ///< nothing but a wake ends its sleep, which then needs no mutex
  std::atomic<int> awake_ = 0;
  Mutex mutex_;
  CondVar changed_;
  Waiter* next_ = nullptr;
  Waiter* previous_ = nullptr;
  bool listed_ = false;
};

/// In order of arrival. Not thread-safe.
class WaiterList {
 public:
  Waiter* first() const { return first_; }
  static Waiter* After(const Waiter& waiter) { return waiter.next_; }
  void Add(Waiter& waiter) {
    waiter.next_ = nullptr;
    waiter.previous_ = last_;
    (last_ == nullptr ? first_ : last_->next_) = &waiter;
    last_ = &waiter;
    waiter.listed_ = true;
  }
  void Remove(Waiter& waiter) {
    (waiter.previous_ == nullptr ? first_ : waiter.previous_->next_) = waiter.next_;
    (waiter.next_ == nullptr ? last_ : waiter.next_->previous_) = waiter.previous_;
    waiter.listed_ = false;
  }

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace dr::inline v0
