// Locks that clang's -Wthread-safety and ThreadSanitizer both understand.
//
// Thin wrappers over the standard locks. dr does not use absl::Mutex: a distribution's Abseil is
// not built for ThreadSanitizer, which then reports errors in correct programs.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// Std::mutex with the annotations of thread-safety analysis, and nothing else.
class ABSL_LOCKABLE Mutex {
 public:
  /// Waits without an end. Not for a thread that has it.
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  /// By the thread that has it.
  void unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }
  /// False: another thread has it. Never waits.
  bool try_lock() ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true) { return mutex_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

/// Has the mutex for as long as it lives.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  /// Waits for `mutex`, which outlives it.
  explicit MutexLock(Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// The other way round: the mutex is released for as long as this object lives.
class ABSL_SCOPED_LOCKABLE MutexUnlock {
 public:
#if defined(__clang__)
  __attribute__((release_capability(mutex)))  // Abseil has no name for it
#endif
  /// Of a mutex that this thread has, and has again when this goes.
  explicit MutexUnlock(Mutex& mutex)
      : mutex_(mutex) {
    mutex_.unlock();
  }
  ~MutexUnlock() ABSL_UNLOCK_FUNCTION() { mutex_.lock(); }
  MutexUnlock(const MutexUnlock&) = delete;
  MutexUnlock& operator=(const MutexUnlock&) = delete;

 private:
  Mutex& mutex_;
};

/// Waits return spuriously; callers loop on their condition.
class CondVar {
 public:
  /// Nobody waits in a new one.
  CondVar() : condition_() {}
  // The standard one's destructor waits for those asleep in it. A forked child inherits their
  // number without their threads, and it would wait for ever; there is nothing else to give back.
  ~CondVar() {}
  CondVar(const CondVar&) = delete;
  CondVar& operator=(const CondVar&) = delete;

  /// Gives `mutex` back while it waits for a notification.
  void Wait(Mutex& mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  /// As Wait, no longer than `duration`.
  void WaitFor(Mutex& mutex, std::chrono::nanoseconds duration)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait_for(lock, duration);
    lock.release();
  }
  /// False: `end` has come.
  bool WaitUntil(Mutex& mutex, std::chrono::steady_clock::time_point end)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const std::cv_status status = condition_.wait_until(lock, end);
    lock.release();
    return status == std::cv_status::no_timeout;
  }
  /// Wakes one of those that wait, with or without their mutex.
  void NotifyOne() { condition_.notify_one(); }
  /// Wakes all of them.
  void NotifyAll() { condition_.notify_all(); }

 private:
  union {
    std::condition_variable condition_;
  };
};

/// Readers share it, a writer has it alone. New readers do not pass a writer that waits, and a
/// second writer does not pass the readers that waited for the first. A thread that reads may lock
/// it, or another one, for reading again. Any other lock of a mutex that the thread already has
/// would make the thread wait for itself: it throws std::system_error where HeldByThisThread can
/// tell.
class DR_EXPORT ABSL_LOCKABLE SharedMutex {
 public:
  SharedMutex() = default;
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;

  /// Alone; waits for all others inside.
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION();
  /// By the thread that has it alone.
  void unlock() ABSL_UNLOCK_FUNCTION();
  /// With other readers; waits for a writer inside, and for one that came first.
  void lock_shared() ABSL_SHARED_LOCK_FUNCTION();
  /// By a thread that has it shared.
  void unlock_shared() ABSL_UNLOCK_FUNCTION();
  /// False if the lock could not be had within `duration`, which is at most an hour.
  bool try_lock_for(std::chrono::nanoseconds duration) ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true);
  /// As try_lock_for, with other readers.
  bool try_lock_shared_for(std::chrono::nanoseconds duration) ABSL_SHARED_TRYLOCK_FUNCTION(true);

  /// Whether this thread has the lock, shared or alone. Exact for the first 16 locks that a thread
  /// has at once; further ones are not seen.
  bool HeldByThisThread() const;

 private:
  enum class Mode : std::uint8_t { kShared, kAlone };
  using End = std::optional<std::chrono::steady_clock::time_point>;  ///< of waiting; or never

  static End In(std::chrono::nanoseconds duration) {
    return std::chrono::steady_clock::now() +
           std::min<std::chrono::nanoseconds>(duration, std::chrono::hours(1));
  }
  bool TryLock(Mode mode);
  bool LockSlowly(Mode mode, End end);
  bool MayEnter(Mode mode, std::uint32_t state) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(waiting_mutex_);

  // Who is inside, and whether anybody waits. Only a waiter's own lock of waiting_mutex_ and the
  // last one inside look at the rest.
  static constexpr std::uint32_t kWriter = 1, kWaiting = 2, kReader = 4;
  std::atomic<std::uint32_t> state_ = 0;

  Mutex waiting_mutex_;
  CondVar changed_;
  std::uint32_t writers_waiting_ ABSL_GUARDED_BY(waiting_mutex_) = 0;
  std::uint32_t readers_waiting_ ABSL_GUARDED_BY(waiting_mutex_) = 0;
  std::uint32_t readers_next_ ABSL_GUARDED_BY(waiting_mutex_) = 0;  ///< come before any writer
};

/// Has a SharedMutex with other readers for as long as it lives.
class ABSL_SCOPED_LOCKABLE ReaderLock {
 public:
  /// Waits for `mutex`, which outlives it.
  explicit ReaderLock(SharedMutex& mutex) ABSL_SHARED_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_.lock_shared();
  }
  /// Gives back what this thread has already.
  ReaderLock(SharedMutex& mutex, std::adopt_lock_t) ABSL_SHARED_LOCKS_REQUIRED(mutex)
      : mutex_(mutex) {}
  ~ReaderLock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock_shared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex& mutex_;
};

/// Has a SharedMutex alone for as long as it lives.
class ABSL_SCOPED_LOCKABLE WriterLock {
 public:
  /// Waits for `mutex`, which outlives it.
  explicit WriterLock(SharedMutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_.lock();
  }
  /// Gives back what this thread has already.
  WriterLock(SharedMutex& mutex, std::adopt_lock_t) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex)
      : mutex_(mutex) {}
  ~WriterLock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  SharedMutex& mutex_;
};

}  // namespace dr::inline v0
