// Lets any number of callers use a host's storage until it is closed.
#pragma once

#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "dr/clock.h"
#include "dr/mutex.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "dr/types.h"
#include "src/base/assert.h"
#include "src/base/await.h"

namespace dr::inline v0 {

/// Counts callers in and out.
class Gate {
 public:
  explicit Gate(const Clock& clock) : clock_(clock) {}

  /// The caller is inside while this lives, if it was let in. It stays on its thread.
  class Visit {
   public:
    explicit Visit(Gate& gate) : gate_(gate), let_in_(gate.Enter(*this)) {}
    ~Visit() {
      if (let_in_) gate_.Leave(*this);
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    bool let_in() const { return let_in_; }

   private:
    friend class Gate;
    Gate& gate_;
    const std::thread::id thread_ = std::this_thread::get_id();
    Visit* next_ = nullptr;
    const bool let_in_;
  };

  /// Lets in no more callers, and waits for those inside. kFailedPrecondition: one of them is the
  /// calling thread itself, and the gate stays open.
  absl::Status Close(const Context& context) {
    const StopWake on_stop(context, mutex_, empty_);
    MutexLock lock(mutex_);
    for (const Visit* visit = inside_; visit != nullptr; visit = visit->next_) {
      if (visit->thread_ != std::this_thread::get_id()) continue;
      return MakeFault({.kind = FaultKind::kUsage, .next = "call it when that call has returned"},
                       "the host was to be shut down from inside another call of it");
    }
    closed_ = true;
    while (inside_ != nullptr) {
      DR_RETURN_IF_ERROR(AwaitChange(empty_, mutex_, context, clock_, "callers of the host"));
    }
    return absl::OkStatus();
  }

 private:
  bool Enter(Visit& visit) {
    MutexLock lock(mutex_);
    if (closed_) return false;
    visit.next_ = std::exchange(inside_, &visit);
    return true;
  }
  void Leave(Visit& visit) {
    DR_ASSERT(visit.thread_ == std::this_thread::get_id());
    MutexLock lock(mutex_);
    Visit** link = &inside_;
    while (*link != &visit) {
      DR_ASSERT(*link != nullptr);
      link = &(*link)->next_;
    }
    *link = visit.next_;
    if (inside_ == nullptr) empty_.NotifyAll();
  }

  const Clock& clock_;
  Mutex mutex_;
  CondVar empty_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  Visit* inside_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace dr::inline v0
