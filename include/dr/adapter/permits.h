// Lets a bounded number of callers in at a time. The others wait as long as their contexts allow,
// and without a lock.
//
//   dr::Permits one_at_a_time;
//   auto permit = one_at_a_time.Take(context, clock, "the keys of the store");
//   if (!permit.ok()) return permit.status();
//   …                                               // given back when `permit` goes
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/clock.h"
#include "dr/mutex.h"
#include "dr/status.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// A mutex for work that may take long: a caller that waits heeds its deadline and its stop.
/// Thread-safe. Outlives what it hands out.
class Permits {
 public:
  /// One of them, given back when this goes.
  class Permit {
   public:
    /// The other one has nothing to give back.
    Permit(Permit&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
    /// The two change places.
    Permit& operator=(Permit&& other) noexcept {
      std::swap(from_, other.from_);
      return *this;
    }
    ~Permit() {
      if (from_ != nullptr) from_->GiveBack();
    }

   private:
    friend class Permits;
    explicit Permit(Permits* from) : from_(from) {}
    Permits* from_;
  };

  /// At most `max` permits (at least 1) are out at a time.
  explicit Permits(std::size_t max = 1) : max_(max) {}

  /// kDeadlineExceeded or kCancelled, naming `what`, if the context has ended, even if a permit is
  /// free.
  absl::StatusOr<Permit> Take(const Context& context, const Clock& clock, std::string_view what) {
    MutexLock lock(mutex_);
    for (;;) {
      if (absl::Status ended = CheckContext(context, clock, what); !ended.ok()) return ended;
      if (taken_ < max_) break;
      const std::chrono::nanoseconds left =
          context.deadline.is_never() ? kLook : context.deadline - clock.Now();
      returned_.WaitFor(mutex_, std::clamp(left, std::chrono::nanoseconds(1), kLook));
    }
    ++taken_;
    return Permit(this);
  }

 private:
  // Nobody notifies when a context is cancelled.
  static constexpr std::chrono::nanoseconds kLook = std::chrono::milliseconds(10);

  void GiveBack() {
    MutexLock lock(mutex_);
    --taken_;
    returned_.NotifyOne();
  }

  const std::size_t max_;
  Mutex mutex_;
  CondVar returned_;
  std::size_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace dr::inline v0
