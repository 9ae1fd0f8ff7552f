// Gets a host going that has come to rest.
#pragma once

#include <atomic>
#include <utility>

#include "absl/functional/any_invocable.h"

namespace dr::inline v0 {

/// While the host has something to do it looks around by itself, and callers need not ring. Before
/// it rests it arms the bell, and then looks once more for callers who came before that.
///
/// Callers count themselves in and then look whether the bell is armed; the host arms it and then
/// looks at their counts. All four are sequentially consistent, so one of the two sees the other,
/// and a caller pays one load.
class Bell {
 public:
  /// Once, before anybody else uses it. `ring` may be called by any thread.
  void Connect(absl::AnyInvocable<void() const> ring) { ring_ = std::move(ring); }

  void Arm() { armed_.store(true); }
  void Disarm() { armed_.store(false); }
  /// By callers, when they have been counted in.
  void RingIfArmed() {
    if (armed_.load()) Ring();
  }
  void Ring() {
    armed_.store(false);
    if (ring_) ring_();
  }

 private:
  std::atomic<bool> armed_ = false;
  absl::AnyInvocable<void() const> ring_;
};

}  // namespace dr::inline v0
