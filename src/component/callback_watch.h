// Which of a component's callbacks a thread is in, so that one that never returns can be named.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "dr/clock.h"
#include "dr/mutex.h"

namespace dr::inline v0 {

/// How often a deadline is looked at while it passes.
inline constexpr int kLooksPerDeadline = 4;

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
    void Leave() {
      // Unless it was given up, and another thread is inside in its place.
      if (watch_.progress_.load(std::memory_order_relaxed) != progress_) return;
      watch_.name_.store(nullptr, std::memory_order_release);
    }
    void Enter() {
      Progress();
      watch_.name_.store(name_, std::memory_order_release);
    }
    void Progress() { progress_ = watch_.progress_.fetch_add(1, std::memory_order_relaxed) + 1; }

   private:
    CallbackWatch& watch_;
    const char* name_;
    std::uint64_t progress_ = 0;  ///< the last of its own
  };

  /// The callback in which nothing has moved for `deadline`, as far as earlier calls have seen;
  /// null if there is none, or if an earlier call has told it. A call adds at most two periods of
  /// `deadline` / kLooksPerDeadline to what it has seen: while the process was stopped, or the
  /// machine suspended, nobody looked and nothing could move.
  const char* Overdue(Instant now, std::chrono::nanoseconds deadline) {
    const std::uint64_t progress = progress_.load(std::memory_order_relaxed);
    const char* name = name_.load(std::memory_order_acquire);
    MutexLock lock(mutex_);
    const std::chrono::nanoseconds passed = now - looked_;
    looked_ = now;
    if (name == nullptr || progress != progress_seen_) {
      progress_seen_ = progress;
      stuck_for_ = {};
      told_ = false;
      return nullptr;
    }
    stuck_for_ += std::min(passed, deadline / kLooksPerDeadline * 2);
    if (told_ || stuck_for_ < deadline) return nullptr;
    told_ = true;
    return name;
  }

 private:
  std::atomic<const char*> name_ = nullptr;
  std::atomic<std::uint64_t> progress_ = 1;
  Mutex mutex_;
  std::uint64_t progress_seen_ ABSL_GUARDED_BY(mutex_) = 0;
  Instant looked_ ABSL_GUARDED_BY(mutex_) = Instant::FromNanoseconds(0);
  std::chrono::nanoseconds stuck_for_ ABSL_GUARDED_BY(mutex_) = {};
  bool told_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace dr::inline v0
