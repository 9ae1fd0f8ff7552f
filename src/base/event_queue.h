// Events on their way to the observer: added under any lock, delivered without one, in order.
//
//   {
//     MutexLock lock(mutex_);
//     events_.Add({.kind = EventKind::kNoSpace}, "no room for more log");
//   }
//   events_.Deliver();
#pragma once

#include <atomic>
#include <string_view>
#include <utility>
#include <vector>

#include "dr/mutex.h"
#include "dr/observer.h"
#include "src/base/out_of_memory.h"

namespace dr::inline v0 {

/// Thread-safe.
class EventQueue {
 public:
  /// `observer` may be null, and outlives the queue.
  explicit EventQueue(Observer* observer) : observer_(observer) {}
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  /// An event for which there is no memory is left out; callers get what it would have said as a
  /// status.
  void Add(Event event, std::string_view text) noexcept {
    if (observer_ == nullptr) return;
    try {
      event.text = text;
      MutexLock lock(mutex_);
      events_.push_back(std::move(event));
      waiting_.store(true, std::memory_order_release);
    } catch (const std::bad_alloc&) {
      return;
    }
  }

  /// Tells the observer what was added, in that order. The caller holds no lock. One thread at a
  /// time delivers; a thread that comes meanwhile leaves its events to that one.
  void Deliver() noexcept {
    if (!waiting_.load(std::memory_order_acquire)) return;
    MutexLock lock(mutex_);
    if (std::exchange(delivering_, true)) return;
    while (!events_.empty()) {
      std::vector<Event> events = std::exchange(events_, {});
      mutex_.unlock();
      for (const Event& event : events) observer_->OnEvent(event);
      mutex_.lock();
    }
    waiting_.store(false, std::memory_order_release);
    delivering_ = false;
  }

 private:
  Observer* const observer_;
  std::atomic<bool> waiting_ = false;
  Mutex mutex_;
  bool delivering_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Event> events_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
