// Which of a component's callbacks a thread is in, so that one that never returns can be named.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "dr/clock.h"
#include "dr/mutex.h"

namespace dr::inline v0 {

/// Thread-safe; one thread at a time is inside.
class CallbackWatch {
 public:
  /// While it lives its thread is inside the callback `name`.
  class Inside {
   public:
    Inside(CallbackWatch& watch, const char* name) : watch_(watch), name_(name) { Enter(); }
    ~Inside() { Leave(); }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    /// It has called out; the time until it is back inside is not its own.
    void Leave() { watch_.name_.store(nullptr, std::memory_order_release); }
    void Enter() {
      Progress();
      watch_.name_.store(name_, std::memory_order_release);
    }
    void Progress() { watch_.progress_.fetch_add(1, std::memory_order_relaxed); }

   private:
    CallbackWatch& watch_;
    const char* name_;
  };

  /// The callback in which nothing has moved for longer than `deadline`, as far as earlier calls
  /// have seen; null if there is none.
  const char* Overdue(Instant now, std::chrono::nanoseconds deadline) {
    const std::uint64_t progress = progress_.load(std::memory_order_relaxed);
    const char* name = name_.load(std::memory_order_acquire);
    MutexLock lock(mutex_);
    if (name == nullptr || progress != seen_progress_) {
      seen_progress_ = progress;
      seen_since_ = now;
      return nullptr;
    }
    return now <= seen_since_ + deadline ? nullptr : name;
  }

 private:
  std::atomic<const char*> name_ = nullptr;
  std::atomic<std::uint64_t> progress_ = 1;
  Mutex mutex_;
  std::uint64_t seen_progress_ ABSL_GUARDED_BY(mutex_) = 0;
  Instant seen_since_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
