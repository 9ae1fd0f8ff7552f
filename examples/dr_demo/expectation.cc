#include "examples/dr_demo/expectation.h"

#include <utility>
#include <vector>

#include "dr/status.h"
#include "examples/dr_demo/fields.h"
#include "examples/dr_demo/graph_memory.h"
#include "examples/dr_demo/task_queue.h"
#include "fmt/format.h"

namespace demo {

Positions Inspection::Total() const {
  Positions total = {};
  for (const Positions& part : positions) {
    for (std::uint32_t agent = 0; agent < kAgents; ++agent) total[agent] += part[agent];
  }
  return total;
}

dr::Digest Inspection::Whole() const {
  std::string parts;
  for (const dr::Digest& digest : digests) parts += dr::ToHex(digest);
  return dr::DigestOf(parts);
}

Expectation::Expectation(const Plan& plan) : plan_(plan) {
  for (std::uint32_t agent = 0; agent < kAgents; ++agent) cursors_[agent].agent = agent;
}

std::uint64_t Expectation::Advance(std::uint32_t agent, std::uint64_t position) {
  std::uint64_t chain = 0;
  PlanCursor& at = cursors_[agent];
  while (positions_[agent] < position) {
    const std::vector<PlannedOperation> step = plan_.Step(agent, at.step);
    const std::uint32_t round = plan_.RoundOf(agent, at.step);
    for (; at.already_done < step.size() && positions_[agent] < position; ++at.already_done) {
      const PlannedOperation& operation = step[at.already_done];
      chain = History::Chained(chain, operation.payload);
      Apply(operation, agent, round);
      ++positions_[agent];
    }
    if (at.already_done == step.size()) {
      at.already_done = 0;
      ++at.step;
    }
  }
  return chain;
}

absl::Status Expectation::Adopt(const Inspection& found) {
  const Positions total = found.Total();
  for (std::uint32_t agent = 0; agent < kAgents; ++agent) Advance(agent, total[agent]);
  const std::optional<std::string> difference = Differs(found);
  if (!difference) return absl::OkStatus();
  return dr::MakeFault({.kind = dr::FaultKind::kInvalid,
                        .place = "--directory",
                        .next = "name the seed it was begun with, or another directory"},
                       fmt::format("what is there was not made with this seed: {}", *difference));
}

std::uint64_t Expectation::StepEnd(std::uint32_t agent) const {
  const PlanCursor& at = cursors_[agent];
  return positions_[agent] - at.already_done + plan_.StepSize(agent, at.step);
}

void Expectation::Apply(const PlannedOperation& operation, std::uint32_t agent,
                        std::uint32_t round) {
  histories_[operation.part].Add(agent, operation.payload);
  switch (operation.part) {
    case kGraph:
      return ApplyToGraph(operation.payload, round);
    case kQueue:
      return ApplyToQueue(operation.payload);
    case kJournal:
      contents_[kJournal] += dr::DigestOf(operation.payload);
      return;
  }
}

// Each meaning belongs to one agent, so its strength is the number of that agent's rounds.
void Expectation::ApplyToGraph(std::string_view payload, std::uint32_t round) {
  Fields fields(payload);
  fields.Text();
  const bool learn = fields.Text() == "learn";
  const auto id = fields.Take<SynsetId>();
  const auto number = learn ? 0 : fields.Take<std::uint32_t>();
  const std::string_view first = fields.Text();
  const std::string_view gloss = learn ? fields.Text() : std::string_view();
  const auto target = learn ? 0 : fields.Take<SynsetId>();
  const auto words = learn ? 0 : fields.Take<std::uint32_t>();
  const auto record = [&](std::uint32_t strength) {
    return dr::DigestOf(
        learn ? GraphMemory::MeaningRecord(id, strength, first, gloss)
              : GraphMemory::RelationRecord(id, number, first, target, words, strength));
  };
  if (round > 0) contents_[kGraph] -= record(round);
  contents_[kGraph] += record(round + 1);
}

void Expectation::ApplyToQueue(std::string_view payload) {
  Fields fields(payload);
  fields.Text();
  const std::string_view verb = fields.Text();
  const auto id = fields.Take<std::uint64_t>();
  std::string& title = tasks_[id];
  if (verb == "push") {
    title = fields.Text();
    contents_[kQueue] += dr::DigestOf(TaskQueue::TaskRecord(id, false, title));
  } else if (verb == "take") {
    contents_[kQueue] -= dr::DigestOf(TaskQueue::TaskRecord(id, false, title));
    contents_[kQueue] += dr::DigestOf(TaskQueue::TaskRecord(id, true, title));
  } else {
    contents_[kQueue] -= dr::DigestOf(TaskQueue::TaskRecord(id, true, title));
    tasks_.erase(id);
    ++completed_;
  }
}

Inspection Expectation::Expected() const {
  Inspection expected;
  for (std::uint32_t part = 0; part < kParts; ++part) {
    expected.positions[part] = histories_[part].positions();
    expected.digests[part] = contents_[part];
    expected.digests[part] += histories_[part].digest();
  }
  if (completed_ > 0) {
    expected.digests[kQueue] += dr::DigestOf(TaskQueue::CompletedRecord(completed_));
  }
  return expected;
}

std::optional<std::string> Expectation::Differs(const Inspection& found) const {
  constexpr std::string_view kNames[kParts] = {"graph", "queue", "journal"};
  const Inspection expected = Expected();
  for (std::uint32_t part = 0; part < kParts; ++part) {
    if (found.positions[part] != expected.positions[part]) {
      return fmt::format("the {} holds other operations than were committed", kNames[part]);
    }
    if (found.digests[part] != expected.digests[part]) {
      return fmt::format("the {} has digest {} instead of {}", kNames[part],
                         dr::ToHex(found.digests[part]), dr::ToHex(expected.digests[part]));
    }
  }
  return std::nullopt;
}

}  // namespace demo
