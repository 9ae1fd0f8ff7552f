// One who writes while servers die and networks fail, and knows what may be there.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "dr/adapter/state_adapter.h"
#include "dr/clock.h"

namespace dr::test {

/// For one thread. Nobody else writes under its prefix. Errors are promises that were broken.
class Witness {
 public:
  /// Each call is given `patience`, and is late when it takes 15 seconds more.
  Witness(StateAdapter& store, std::string prefix, std::chrono::milliseconds patience)
      : store_(store), prefix_(std::move(prefix)), patience_(patience) {}

  /// Before anything fails.
  absl::Status Begin();
  /// Replaces a value by version, or creates one; reads where that was left open.
  absl::Status Step();
  /// Checks all of it. The store answers again.
  absl::Status Settle();

  int acknowledged() const { return acknowledged_; }
  /// Calls that failed, or whose outcome nobody knew.
  int disturbed() const { return disturbed_; }

 private:
  enum class Outcome { kHappened, kOpen, kNot, kLostRace };

  absl::Status Replace();
  absl::Status Create();
  absl::Status Read();
  absl::Status CheckCreated(int number, bool certain);
  absl::Status CheckListing();
  absl::StatusOr<Outcome> Put(const std::string& key, int number, const PutOptions& options);
  absl::Status InTime(Instant begin);
  Context Patience() const;
  std::string Created(int number) const;

  StateAdapter& store_;
  const std::string prefix_;
  const std::chrono::milliseconds patience_;
  const SystemClock clock_;
  int number_ = 0, acknowledged_ = 0, disturbed_ = 0;
  Version put_;  // by the last Put

  // Under one key: the last value that was seen there, and those that may yet take its place.
  int value_ = 0;
  Version version_;
  std::set<int> open_;
  bool to_be_read_ = false;

  std::map<int, bool> created_;  // true: acknowledged, false: nobody knows
};

}  // namespace dr::test
