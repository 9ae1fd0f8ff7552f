#include "dr/mutex.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <system_error>

#include "src/base/assert.h"

namespace dr::inline v0 {
namespace {

// The locks that this thread has. It takes no memory, so that locking cannot fail.
class HeldLocks {
 public:
  void Add(const SharedMutex& mutex, bool alone) {
    if (count_ < locks_.size()) locks_[count_++] = {&mutex, alone};
    if (!alone) ++shared_;
  }
  // The newest first, as locks are given back.
  void Remove(const SharedMutex& mutex, bool alone) {
    if (!alone) --shared_;
    for (std::size_t i = count_; i-- > 0;) {
      if (locks_[i].mutex != &mutex || locks_[i].alone != alone) continue;
      std::copy(locks_.begin() + i + 1, locks_.begin() + count_, locks_.begin() + i);
      --count_;
      return;
    }
  }
  bool Has(const SharedMutex& mutex) const {
    return Any([&](const Lock& lock) { return lock.mutex == &mutex; });
  }
  bool HasAlone(const SharedMutex& mutex) const {
    return Any([&](const Lock& lock) { return lock.mutex == &mutex && lock.alone; });
  }
  bool reads() const { return shared_ > 0; }

 private:
  struct Lock {
    const SharedMutex* mutex;
    bool alone;
  };
  template <typename Predicate>
  bool Any(Predicate predicate) const {
    return std::any_of(locks_.begin(), locks_.begin() + count_, predicate);
  }

  std::array<Lock, 16> locks_ = {};
  std::size_t count_ = 0;
  std::size_t shared_ = 0;  ///< those that found no place included
};

thread_local HeldLocks held;

}  // namespace

bool SharedMutex::HeldByThisThread() const { return held.Has(*this); }

// Does not pass threads that wait.
bool SharedMutex::TryLock(Mode mode) {
  const bool alone = mode == Mode::kAlone;
  std::uint32_t state = state_.load(std::memory_order_relaxed);
  while (alone ? state == 0 : (state & (kWriter | kWaiting)) == 0) {
    if (!state_.compare_exchange_weak(state, state + (alone ? kWriter : kReader),
                                      std::memory_order_acquire, std::memory_order_relaxed)) {
      continue;
    }
    held.Add(*this, alone);
    return true;
  }
  return false;
}

// A thread that reads must not wait for a writer, which may wait for it.
bool SharedMutex::MayEnter(Mode mode, std::uint32_t state) const {
  if ((state & kWriter) != 0) return false;
  if (mode == Mode::kAlone) return state < kReader && readers_next_ == 0;
  return writers_waiting_ == 0 || readers_next_ > 0 || held.reads();
}

bool SharedMutex::LockSlowly(Mode mode, End end) {
  const bool alone = mode == Mode::kAlone;
  if (alone ? held.Has(*this) : held.HasAlone(*this)) {
    throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur));
  }
  MutexLock lock(waiting_mutex_);
  std::uint32_t& waiting = alone ? writers_waiting_ : readers_waiting_;
  ++waiting;
  std::uint32_t state = state_.fetch_or(kWaiting, std::memory_order_relaxed) | kWaiting;
  bool entered = false;
  for (bool wait = true;; state = state_.load(std::memory_order_relaxed)) {
    while (!entered && MayEnter(mode, state)) {
      entered = state_.compare_exchange_weak(state, state + (alone ? kWriter : kReader),
                                             std::memory_order_acquire, std::memory_order_relaxed);
    }
    if (entered || !wait) break;
    if (end) {
      wait = changed_.WaitUntil(waiting_mutex_, *end);
    } else {
      changed_.Wait(waiting_mutex_);
    }
  }
  --waiting;
  if (!alone && entered && readers_next_ > 0) --readers_next_;
  readers_next_ = std::min(readers_next_, readers_waiting_);
  if (writers_waiting_ + readers_waiting_ == 0) {
    state_.fetch_and(~kWaiting, std::memory_order_relaxed);
  } else {
    changed_.NotifyAll();  // those behind may be in front now
  }
  if (entered) held.Add(*this, alone);
  return entered;
}

void SharedMutex::unlock() {
  held.Remove(*this, true);
  std::uint32_t state = kWriter;
  if (state_.compare_exchange_strong(state, 0, std::memory_order_release,
                                     std::memory_order_relaxed)) {
    return;
  }
  MutexLock lock(waiting_mutex_);
  readers_next_ = readers_waiting_;
  state = state_.fetch_and(~kWriter, std::memory_order_release);
  DR_ASSERT((state & kWriter) != 0 && state < kReader);
  changed_.NotifyAll();
}

// Where a thread waits, the last reader leaves under the mutex: the next one to enter may destroy
// it.
void SharedMutex::unlock_shared() {
  held.Remove(*this, false);
  std::uint32_t state = state_.load(std::memory_order_relaxed);
  while (state != (kReader | kWaiting)) {
    DR_ASSERT(state >= kReader);
    if (state_.compare_exchange_weak(state, state - kReader, std::memory_order_release,
                                     std::memory_order_relaxed)) {
      return;
    }
  }
  MutexLock lock(waiting_mutex_);
  state_.fetch_sub(kReader, std::memory_order_release);
  changed_.NotifyAll();
}

void SharedMutex::lock() {
  if (!TryLock(Mode::kAlone)) LockSlowly(Mode::kAlone, std::nullopt);
}
void SharedMutex::lock_shared() {
  if (!TryLock(Mode::kShared)) LockSlowly(Mode::kShared, std::nullopt);
}
bool SharedMutex::try_lock_for(std::chrono::nanoseconds duration) {
  return TryLock(Mode::kAlone) || LockSlowly(Mode::kAlone, In(duration));
}
bool SharedMutex::try_lock_shared_for(std::chrono::nanoseconds duration) {
  return TryLock(Mode::kShared) || LockSlowly(Mode::kShared, In(duration));
}

}  // namespace dr::inline v0
