#include "examples/dr_demo/supervisor.h"

#include <sys/wait.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "dr/status.h"
#include "examples/dr_demo/agent.h"
#include "examples/dr_demo/child.h"
#include "fmt/format.h"

namespace demo {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

absl::Status Broken(std::string_view what) {
  return dr::MakeFault({.kind = dr::FaultKind::kIncomplete,
                        .place = "worker",
                        .next = "keep the directory, it shows what happened"},
                       what);
}

}  // namespace

// A worker is killed when this share of the work is acknowledged, or so long after its start.
struct Supervisor::Moment {
  double share = 0;
  std::optional<Milliseconds> after = {};
};

Supervisor::Supervisor(const Options& options, const std::string& directory, const Plan& plan,
                       std::uint64_t operations)
    : options_(options),
      directory_(directory),
      target_(plan.Split(operations)),
      expectation_(plan),
      figures_{.operations = operations},
      progress_(operations) {}

double Supervisor::Uniform(double from, double to) {
  return std::uniform_real_distribution<double>(from, to)(random_);
}

absl::StatusOr<Figures> Supervisor::Run() {
  if (!options_.json) {
    fmt::print("{:>6}   {:>12}   {:>12}   {}\n", "kill", "acknowledged", "recovered in", "state");
  }
  while (figures_.lost == 0 && (!finished_ || figures_.kills < options_.kills_wanted())) {
    if (absl::Status s = LiveOnce(); !s.ok()) return s;
  }
  figures_.acknowledged = Sum(expectation_.positions());
  if (figures_.lost > 0) return figures_;

  // Once more after the orderly end.
  absl::StatusOr<std::unique_ptr<Agent>> agent = Agent::Open(directory_);
  if (!agent.ok()) return agent.status();
  const absl::StatusOr<Inspection> found = (*agent)->Inspect();
  if (!found.ok()) return found.status();
  if (killed_) figures_.recover_ms.push_back((*agent)->recover_ms());
  Compare(*found, (*agent)->recover_ms());
  if (!options_.json) fmt::print("\n{}", (*agent)->Describe());
  return figures_;
}

// Most kills hit the work, spread over all of it; every fourth hits a start, recovery included.
// What is left when the work is done hits starts too.
Supervisor::Moment Supervisor::NextKill() {
  if (finished_ || figures_.kills % 4 == 3) {
    return {.after = Milliseconds(Uniform(0, 1.2 * ready_after_ms_))};
  }
  return {.share = (figures_.kills + Uniform(0, 1)) / options_.kills_wanted()};
}

bool Supervisor::IsDue(const Moment& moment) const {
  if (moment.after) return SteadyClock::now() - started_ >= *moment.after;
  const auto done = static_cast<double>(Sum(expectation_.positions()) - start_);
  return known_ && done >= moment.share * static_cast<double>(Sum(target_) - start_);
}

// One life of the worker.
absl::Status Supervisor::LiveOnce() {
  started_ = SteadyClock::now();
  absl::StatusOr<Child> child = Child::Start(
      {"--worker", "--directory", directory_, "--operations",
       fmt::format("{}", figures_.operations), "--seed", fmt::format("{}", options_.seed),
       "--threads", fmt::format("{}", options_.threads), "--wordnet", options_.wordnet});
  if (!child.ok()) return child.status();

  const Moment moment = NextKill();
  killed_before_ = std::exchange(killed_, false);
  ready_ = false;
  ReportReader reader(child->pipe());
  while (reader.Wait(std::chrono::milliseconds(1))) {
    while (const std::optional<Report> report = reader.Next()) {
      const absl::Status taken = std::visit([this](const auto& r) { return Take(r); }, *report);
      if (!taken.ok() || figures_.lost > 0) return taken;
    }
    if (!killed_ && figures_.kills < options_.kills_wanted() && IsDue(moment)) {
      if (!moment.after) std::this_thread::sleep_for(Milliseconds(Uniform(0, 3)));
      child->Kill();
      killed_ = true;
    }
  }
  const int ended = child->Wait();
  killed_ = killed_ && WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL;
  if (!killed_ && ended != 0) return Broken("the worker failed; what it printed says why");
  if (!killed_) return absl::OkStatus();
  if (!ready_ && figures_.kills > 0) Row("-", "killed again before it was ready");
  ++figures_.kills;
  return absl::OkStatus();
}

absl::Status Supervisor::Take(const Ready& ready) {
  ready_ = true;
  ready_after_ms_ = Milliseconds(SteadyClock::now() - started_).count();
  if (!known_) {
    if (absl::Status s = expectation_.Adopt(ready.found); !s.ok()) return s;
    known_ = true;
    start_ = Sum(expectation_.positions());
    for (std::uint32_t agent = 0; agent < kAgents; ++agent) {
      target_[agent] = std::max(target_[agent], expectation_.positions()[agent]);
    }
    figures_.operations = Sum(target_);
    return absl::OkStatus();
  }
  if (killed_before_) figures_.recover_ms.push_back(ready.recover_ms);
  Compare(ready.found, ready.recover_ms);
  return absl::OkStatus();
}

void Supervisor::Row(std::string_view recovered_in, std::string_view state) {
  rows_ = figures_.kills;
  if (options_.json) return;
  progress_.Clear();
  fmt::print("{:>6}   {:>12}   {:>12}   {}\n", figures_.kills, Sum(expectation_.positions()),
             recovered_in, state);
}

// Everything acknowledged is there, in the right place and only once; of what was not acknowledged,
// each agent's last batch is there as a whole or not at all.
void Supervisor::Compare(const Inspection& found, double recover_ms) {
  const std::uint64_t before = Sum(expectation_.positions());
  const Positions total = found.Total();
  for (std::uint32_t agent = 0; agent < kAgents; ++agent) {
    const std::uint64_t acknowledged = expectation_.positions()[agent];
    const std::uint64_t in_flight = std::min(expectation_.StepEnd(agent), target_[agent]);
    if (total[agent] < acknowledged) {
      Lose(acknowledged - total[agent], fmt::format("agent {} lost its last operations", agent));
    } else if (total[agent] != acknowledged && total[agent] != in_flight) {
      Lose(1, fmt::format("agent {} finds a part of a batch, or what it never did", agent));
    } else {
      expectation_.Advance(agent, total[agent]);
    }
  }
  const std::optional<std::string> difference = expectation_.Differs(found);
  if (figures_.lost == 0 && difference) Lose(1, *difference);
  if (figures_.kills == rows_) return;
  Row(fmt::format("{:.1f} ms", recover_ms),
      figures_.lost > 0 ? "WRONG"
                        : fmt::format("all there, {} in flight kept", Sum(total) - before));
}

absl::Status Supervisor::Take(const Acknowledged& acknowledged) {
  if (expectation_.Advance(acknowledged.agent, acknowledged.position) != acknowledged.chain) {
    Lose(1,
         fmt::format("agent {} acknowledged something else than it was to do", acknowledged.agent));
  }
  progress_.Show(Sum(expectation_.positions()), fmt::format("killed {} times", figures_.kills));
  return absl::OkStatus();
}

absl::Status Supervisor::Take(const Paused& paused) {
  figures_.pause_us.push_back(paused.microseconds);
  return absl::OkStatus();
}

absl::Status Supervisor::Take(const Finished&) {
  finished_ = true;
  return absl::OkStatus();
}

void Supervisor::Lose(std::uint64_t operations, std::string_view what) {
  figures_.lost += operations;
  fmt::print(stderr, "dr_demo: {}; {} is kept\n", what, directory_);
}

}  // namespace demo
