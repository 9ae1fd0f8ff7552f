// What a host tells its observer about itself.
#pragma once

#include <atomic>
#include <chrono>
#include <string_view>

#include "dr/observer.h"
#include "dr/types.h"
#include "src/checkpoint/component_recovery.h"

namespace dr::inline v0 {

/// Thread-safe. Called with no lock held.
class HostEvents {
 public:
  /// `observer` may be null.
  explicit HostEvents(Observer* observer) : observer_(observer) {}

  void Recovered(Lsn last, std::chrono::nanoseconds duration, std::string_view text) const;
  void Retired(const RetiredComponents& retired) const;
  /// Takes how far the times of operations, up to `last`, are ahead of the wall clock, and notifies
  /// when the two have come apart.
  void Clock(std::chrono::nanoseconds ahead, Lsn last);

 private:
  void Notify(const Event& event) const {
    if (observer_ != nullptr) observer_->OnEvent(event);
  }

  Observer* const observer_;
  std::atomic<bool> apart_ = false;  ///< as was told
};

}  // namespace dr::inline v0
