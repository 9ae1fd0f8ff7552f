// What the state must be once each agent has done a given number of operations, worked out from the
// plan alone, without any of the code that keeps, logs or recovers it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "dr/digest.h"
#include "examples/dr_demo/history.h"
#include "examples/dr_demo/plan.h"

namespace demo {

/// What a host's three components hold. Counts and digests, so that it fits into a pipe.
struct Inspection {
  std::array<Positions, kParts> positions = {};
  std::array<dr::Digest, kParts> digests = {};

  /// Operations of each agent, in all components together.
  Positions Total() const;
  /// Of the whole state.
  dr::Digest Whole() const;
};

class Expectation {
 public:
  /// Nothing was done yet. `plan` outlives it.
  explicit Expectation(const Plan& plan);

  /// The agent goes on to `position`, which is not before where it is. Returns the hash chain over
  /// the payloads on the way.
  std::uint64_t Advance(std::uint32_t agent, std::uint64_t position);

  /// Goes on to where `found` is. kInvalidArgument if that is not what the plan leads to.
  absl::Status Adopt(const Inspection& found);

  const Positions& positions() const { return positions_; }
  /// Where the agent is after the step it is at.
  std::uint64_t StepEnd(std::uint32_t agent) const;
  Inspection Expected() const;
  /// Names the first component that is not as it must be; nullopt if all are.
  std::optional<std::string> Differs(const Inspection& found) const;

 private:
  void Apply(const PlannedOperation& operation, std::uint32_t agent, std::uint32_t round);
  void ApplyToGraph(std::string_view payload, std::uint32_t round);
  void ApplyToQueue(std::string_view payload);

  const Plan& plan_;
  Positions positions_ = {};
  std::array<PlanCursor, kAgents> cursors_ = {};
  std::array<History, kParts> histories_ = {};
  std::array<dr::Digest, kParts> contents_ = {};
  std::map<std::uint64_t, std::string> tasks_ = {};
  std::uint64_t completed_ = 0;
};

}  // namespace demo
