#include "examples/dr_demo/plan.h"

#include <numeric>
#include <utility>

#include "examples/dr_demo/graph_memory.h"
#include "examples/dr_demo/journal.h"
#include "examples/dr_demo/task_queue.h"
#include "fmt/format.h"

namespace demo {
namespace {

constexpr std::uint64_t kStepsPerTask = 64;

// SplitMix64: the standard's shuffle and distributions differ between implementations.
std::uint64_t NextRandom(std::uint64_t& state) {
  std::uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::uint64_t TaskId(std::uint32_t agent, std::uint64_t number) { return number * kAgents + agent; }

}  // namespace

Plan::Plan(const std::vector<Synset>& synsets, std::uint64_t seed)
    : synsets_(synsets), order_(synsets.size()) {
  std::iota(order_.begin(), order_.end(), 0);
  for (std::size_t i = order_.size(); i > 1; --i) {
    std::swap(order_[i - 1], order_[NextRandom(seed) % i]);
  }
}

std::uint64_t Plan::StepsPerRound(std::uint32_t agent) const {
  return (order_.size() + kAgents - 1 - agent) / kAgents;
}

std::uint32_t Plan::RoundOf(std::uint32_t agent, std::uint64_t step) const {
  return static_cast<std::uint32_t>(step / StepsPerRound(agent));
}

const Synset& Plan::SynsetOf(std::uint32_t agent, std::uint64_t step) const {
  return synsets_[order_[step % StepsPerRound(agent) * kAgents + agent]];
}

std::vector<PlannedOperation> Plan::Step(std::uint32_t agent, std::uint64_t step) const {
  const Synset& synset = SynsetOf(agent, step);
  const std::uint64_t task = step / kStepsPerTask;
  std::vector<PlannedOperation> operations;
  const auto push = [&](std::uint64_t number) {
    const std::string title =
        fmt::format("learn meanings {} to {} of agent {}", number * kStepsPerTask,
                    (number + 1) * kStepsPerTask - 1, agent);
    operations.push_back({kQueue, TaskQueue::Push(agent, TaskId(agent, number), title)});
  };
  if (step == 0) push(0);
  if (step % kStepsPerTask == 0) {
    push(task + 1);
    operations.push_back({kQueue, TaskQueue::Take(agent, TaskId(agent, task))});
  }
  operations.push_back({kGraph, GraphMemory::Learn(agent, synset)});
  for (std::size_t i = 0; i < synset.relations.size(); ++i) {
    operations.push_back({kGraph, GraphMemory::Relate(agent, synset, i)});
  }
  operations.push_back(
      {kJournal, Journal::Note(agent, step,
                               fmt::format("learnt {} ({}) and {} relations", synset.id,
                                           synset.words, synset.relations.size()))});
  if (step % kStepsPerTask == kStepsPerTask - 1) {
    operations.push_back({kQueue, TaskQueue::Complete(agent, TaskId(agent, task))});
  }
  return operations;
}

std::uint64_t Plan::StepSize(std::uint32_t agent, std::uint64_t step) const {
  std::uint64_t size = 2 + SynsetOf(agent, step).relations.size();
  if (step == 0) size += 1;
  if (step % kStepsPerTask == 0) size += 2;
  if (step % kStepsPerTask == kStepsPerTask - 1) size += 1;
  return size;
}

Positions Plan::Split(std::uint64_t operations) const {
  Positions positions = {};
  for (std::uint64_t step = 0; operations > 0; ++step) {
    for (std::uint32_t agent = 0; agent < kAgents && operations > 0; ++agent) {
      const std::uint64_t size = std::min(operations, StepSize(agent, step));
      positions[agent] += size;
      operations -= size;
    }
  }
  return positions;
}

PlanCursor Plan::Find(std::uint32_t agent, std::uint64_t operations) const {
  PlanCursor cursor{.agent = agent, .already_done = operations};
  for (std::uint64_t size; cursor.already_done >= (size = StepSize(agent, cursor.step));
       ++cursor.step) {
    cursor.already_done -= size;
  }
  return cursor;
}

std::uint64_t Plan::RoundSize() const {
  std::uint64_t size = 0;
  for (std::uint32_t agent = 0; agent < kAgents; ++agent) {
    for (std::uint64_t step = 0; step < StepsPerRound(agent); ++step) size += StepSize(agent, step);
  }
  return size;
}

}  // namespace demo
