// What a host knows of its store, and how long it waits for it.
#pragma once

#include <memory>

#include "dr/adapter/state_adapter.h"
#include "dr/clock.h"
#include "dr/host.h"
#include "dr/mutex.h"
#include "dr/observer.h"

namespace dr::inline v0 {

/// Hears what the layers of a store tell, and passes it on. Thread-safe.
class StoreWatch final : public Observer {
 public:
  /// `observer` may be null.
  StoreWatch(const Clock& clock, Observer* observer) : clock_(clock), observer_(observer) {}
  void OnEvent(const Event& event) noexcept override;
  /// By whoever has waited for it as long as it will, or has got an answer.
  void Away(const absl::Status& why);
  void Back();
  StoreState state() const;

 private:
  const Clock& clock_;
  Observer* const observer_;
  mutable Mutex mutex_;
  Instant away_since_ ABSL_GUARDED_BY(mutex_);
  absl::Status last_error_ ABSL_GUARDED_BY(mutex_);
};

/// How long a store may leave its calls without an answer. Thread-safe.
class Patience {
 public:
  Patience(const Clock& clock, StoreWatch& watch) : clock_(clock), watch_(watch) {}
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
  StoreWatch& watch_;
  mutable Mutex mutex_;
  Instant end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
