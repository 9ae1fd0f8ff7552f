// An observer that keeps what it was told. Thread-safe.
#pragma once

#include <vector>

#include "dr/mutex.h"
#include "dr/observer.h"

namespace dr::test {

class Recording final : public Observer {
 public:
  void OnEvent(const Event& event) noexcept override {
    MutexLock lock(mutex_);
    events_.push_back(event);
  }
  std::vector<Event> Of(EventKind kind) const {
    MutexLock lock(mutex_);
    std::vector<Event> of;
    for (const Event& event : events_) {
      if (event.kind == kind) of.push_back(event);
    }
    return of;
  }

 private:
  mutable Mutex mutex_;
  std::vector<Event> events_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::test
