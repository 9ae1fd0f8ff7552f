#include "examples/dr_demo/agent.h"

#include <chrono>
#include <vector>

#include "dr/status.h"
#include "fmt/format.h"

namespace demo {

absl::StatusOr<std::unique_ptr<Agent>> Agent::Open(const std::string& directory,
                                                   dr::Observer* observer) {
  std::unique_ptr<Agent> agent(new Agent);
  auto host = dr::Host::Open({.directory = directory,
                              .components = {&agent->graph_, &agent->queue_, &agent->journal_},
                              .checkpoint = {.operations = 50'000, .digest_every = 10'000},
                              .environment = {.observer = observer}},
                             {});
  if (!host.ok()) return host.status();
  agent->host_ = *std::move(host);
  return agent;
}

double Agent::recover_ms() const {
  return std::chrono::duration<double, std::milli>(host_->figures().recovery_time).count();
}

absl::Status Agent::Commit(std::span<const PlannedOperation> batch) {
  dr::StatefulComponent* const parts[kParts] = {&graph_, &queue_, &journal_};
  std::vector<dr::ComponentCommit> commits;
  for (const auto& [part, payload] : batch) commits.push_back({parts[part], payload});
  return dr::CommitAll(commits).status();
}

absl::StatusOr<Inspection> Agent::Inspect() const {
  Inspection found{.positions = {graph_.positions(), queue_.positions(), journal_.positions()},
                   .digests = {graph_.Recount(), queue_.Recount(), journal_.Recount()}};
  const std::array kept = {graph_.digest(), queue_.digest(), journal_.digest()};
  if (kept == found.digests) return found;
  return dr::MakeFault({.kind = dr::FaultKind::kComponent,
                        .place = "agent",
                        .next = "this is a bug of the demo's components"},
                       "a digest that was kept with every operation is not that of the state");
}

std::string Agent::Describe() const {
  constexpr SynsetId kDog = 102084071;
  std::vector<std::string> kinds = graph_.Ancestry(kDog);
  if (kinds.size() < 2) kinds.clear();
  const TaskQueue::Size tasks = queue_.size();
  return fmt::format(
      "graph     {} meanings{}{}\n"
      "queue     {} tasks completed, {} running, {} waiting\n"
      "journal   {} steps\n",
      graph_.size(), kinds.empty() ? "" : "; ", fmt::join(kinds, " < "), tasks.completed,
      tasks.running, tasks.waiting, journal_.size());
}

}  // namespace demo
