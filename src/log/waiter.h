// Threads asleep until the log gets further, on a list that takes no memory of its own.
//
// Waking is most of what group commit costs with many writers, so it is done without the log's
// mutex: a waiter is taken off the list under the mutex and woken after it was given back. Its own
// thread may stop waiting at any moment of that (a deadline, a stop), and it must then not leave
// before the wake that is under way has reached it.
#pragma once

#include <atomic>
#include <utility>

#include "dr/clock.h"
#include "dr/mutex.h"
#include "dr/types.h"
#include "src/base/assert.h"

namespace dr::inline v0 {

class WaiterList;

/// Lives on its own thread's stack. Whoever takes it off a list must wake it.
class Waiter {
 public:
  Waiter(Lsn upto, const Context& context)
      : upto_(upto),
        context_(context),
        patient_(context.deadline.is_never() && !context.stop.stop_possible()) {}
  ~Waiter() { DR_ASSERT(list_ == nullptr); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  Lsn upto() const { return upto_; }
  /// False: it was taken off its list, and the waking is under way. Under the list's mutex.
  bool listed() const { return list_ != nullptr; }

  /// Until it is woken or its context ends. False: it was not woken.
  bool Sleep(const Clock& clock) {
    if (patient_) {
      AwaitWake();
      return true;
    }
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
  /// For one that was taken off its list: the wake comes soon. Without the list's mutex.
  void AwaitWake() {
    if (patient_) {
      awake_.wait(0, std::memory_order_acquire);
      return;
    }
    MutexLock lock(mutex_);
    while (!awake_.load(std::memory_order_acquire)) changed_.Wait(mutex_);
  }

 private:
  friend class WaiterList;
  friend class WokenWaiters;
  // The waiter may be gone when this returns.
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

  const Lsn upto_;
  const Context& context_;
  const bool patient_;  ///< nothing but a wake ends its sleep, which then needs no mutex
  std::atomic<int> awake_ = 0;
  Mutex mutex_;
  CondVar changed_;
  WaiterList* list_ = nullptr;
  Waiter* next_ = nullptr;
  Waiter* previous_ = nullptr;
};

/// In order of arrival. Not thread-safe.
class WaiterList {
 public:
  WaiterList() = default;
  WaiterList(const WaiterList&) = delete;
  WaiterList& operator=(const WaiterList&) = delete;
  ~WaiterList() { DR_ASSERT(first_ == nullptr && last_ == nullptr); }

  Waiter* first() const { return first_; }
  static Waiter* After(const Waiter& waiter) { return waiter.next_; }
  void Add(Waiter& waiter) {
    DR_ASSERT(waiter.list_ == nullptr && !waiter.awake_.load(std::memory_order_relaxed));
    DR_ASSERT((first_ == nullptr) == (last_ == nullptr));
    waiter.next_ = nullptr;
    waiter.previous_ = last_;
    (last_ == nullptr ? first_ : last_->next_) = &waiter;
    last_ = &waiter;
    waiter.list_ = this;
  }
  void Remove(Waiter& waiter) {
    DR_ASSERT(waiter.list_ == this);
    Waiter*& to = waiter.previous_ == nullptr ? first_ : waiter.previous_->next_;
    Waiter*& back = waiter.next_ == nullptr ? last_ : waiter.next_->previous_;
    DR_ASSERT(to == &waiter && back == &waiter);
    to = waiter.next_;
    back = waiter.previous_;
    waiter.list_ = nullptr;
  }

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

/// Those that were taken off a list and are to be woken. A value: it moves out of the mutex.
class WokenWaiters {
 public:
  WokenWaiters() = default;
  WokenWaiters(WokenWaiters&& other) noexcept
      : first_(std::exchange(other.first_, nullptr)), last_(std::exchange(other.last_, nullptr)) {}
  WokenWaiters& operator=(WokenWaiters&&) = delete;
  ~WokenWaiters() { DR_ASSERT(first_ == nullptr); }

  /// `waiter` is on no list any more.
  void Add(Waiter& waiter) {
    DR_ASSERT(waiter.list_ == nullptr);
    waiter.next_ = nullptr;
    (first_ == nullptr ? first_ : last_->next_) = &waiter;
    last_ = &waiter;
  }
  /// Without a mutex, so that none that is woken runs into it.
  void WakeAll() && {
    while (first_ != nullptr) {
      Waiter& waiter = *first_;
      first_ = waiter.next_;  // before it is woken and gone
      waiter.Wake();
    }
  }

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace dr::inline v0
