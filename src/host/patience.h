// How long a host waits for its store.
#pragma once

#include <memory>

#include "dr/adapter/layers.h"
#include "dr/adapter/state_adapter.h"
#include "dr/clock.h"
#include "dr/mutex.h"

namespace dr::inline v0 {

/// How long a store may leave its calls without an answer. Thread-safe.
class Patience {
 public:
  /// `metrics` learns that the store is away when the patience has ended.
  Patience(const Clock& clock, StoreMetrics& metrics) : clock_(clock), metrics_(metrics) {}
  /// From now on not for ever, but for kLimit from here or from the last answer on.
  void Limit();
  /// `store`, whose calls end with kUnavailable where the patience does. This object outlives it.
  std::unique_ptr<StateAdapter> Apply(std::unique_ptr<StateAdapter> store);

  static constexpr std::chrono::nanoseconds kLimit = std::chrono::seconds(20);

 private:
  class PatientLayer;
  Instant end() const;
  void Answered();

  const Clock& clock_;
  StoreMetrics& metrics_;
  mutable Mutex mutex_;
  Instant end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
