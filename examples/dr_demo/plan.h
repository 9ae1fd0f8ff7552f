// What the agents will do, as a function of the seed alone: the same operations in the same order
// for each agent, however many threads drive them and however often they are killed.
//
// The synsets are shuffled and dealt to the agents in turn. Learning one is a step: its operations
// are one batch. When everything is learnt, the agents go through it again, which makes memories
// stronger; so there is no end to the plan.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "examples/dr_demo/history.h"
#include "examples/dr_demo/wordnet.h"

namespace demo {

enum Part : std::uint8_t { kGraph, kQueue, kJournal };
inline constexpr std::uint32_t kParts = 3;

struct PlannedOperation {
  Part part = kGraph;
  std::string payload = {};
};

/// Where an agent is: in which of its steps, and after how many operations.
struct PlanCursor {
  std::uint32_t agent = 0;
  std::uint64_t step = 0;
  std::uint64_t already_done = 0;  ///< of this step
};

class Plan {
 public:
  /// `synsets` outlives the plan and is not empty.
  Plan(const std::vector<Synset>& synsets, std::uint64_t seed);

  /// All operations of an agent's step, in order.
  std::vector<PlannedOperation> Step(std::uint32_t agent, std::uint64_t step) const;
  std::uint64_t StepSize(std::uint32_t agent, std::uint64_t step) const;
  /// How often the agent has been through its share before this step.
  std::uint32_t RoundOf(std::uint32_t agent, std::uint64_t step) const;

  /// The share of each agent in the first `operations` of the plan.
  Positions Split(std::uint64_t operations) const;
  /// Where an agent stands that has done `operations`.
  PlanCursor Find(std::uint32_t agent, std::uint64_t operations) const;
  /// Of one round through everything, for all agents together.
  std::uint64_t RoundSize() const;

 private:
  const Synset& SynsetOf(std::uint32_t agent, std::uint64_t step) const;
  std::uint64_t StepsPerRound(std::uint32_t agent) const;

  const std::vector<Synset>& synsets_;
  std::vector<std::uint32_t> order_;
};

}  // namespace demo
