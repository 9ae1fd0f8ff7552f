// Somebody asleep until an Lsn is durable, on a list that takes no memory of its own.
#pragma once

#include "dr/clock.h"
#include "dr/mutex.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// Lives on its own thread's stack. Whoever takes it off the list must wake it.
class Waiter {
 public:
  explicit Waiter(Lsn upto) : upto_(upto) {}
  Lsn upto() const { return upto_; }
  Waiter* next() const { return next_; }

  /// Returns when woken, or when `context` ends.
  void Sleep(const Context& context, const Clock& clock) {
    std::stop_callback on_stop(context.stop, [this] {
      MutexLock lock(mutex_);
      condition_.NotifyOne();
    });
    MutexLock lock(mutex_);
    while (!awake_ && !context.stop.stop_requested()) {
      if (context.deadline.is_never()) {
        condition_.Wait(mutex_);
        continue;
      }
      const auto left = context.deadline - clock.Now();
      if (left.count() <= 0) return;
      condition_.WaitFor(mutex_, left);
    }
  }
  void Wake() {
    MutexLock lock(mutex_);
    awake_ = true;
    condition_.NotifyOne();
  }
  /// After Wake has returned in its thread, this Waiter may go.
  bool awake() {
    MutexLock lock(mutex_);
    return awake_;
  }

 private:
  friend class WaiterList;
  const Lsn upto_;
  Waiter* next_ = nullptr;
  Waiter* previous_ = nullptr;
  Mutex mutex_;
  CondVar condition_;
  bool awake_ ABSL_GUARDED_BY(mutex_) = false;
};

/// In order of arrival. Not thread-safe.
class WaiterList {
 public:
  Waiter* first() const { return first_; }
  void Add(Waiter& waiter) {
    waiter.previous_ = last_;
    (last_ == nullptr ? first_ : last_->next_) = &waiter;
    last_ = &waiter;
  }
  void Remove(Waiter& waiter) {
    (waiter.previous_ == nullptr ? first_ : waiter.previous_->next_) = waiter.next_;
    (waiter.next_ == nullptr ? last_ : waiter.next_->previous_) = waiter.previous_;
  }

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace dr::inline v0
