#include "examples/dr_demo/worker.h"

#include <algorithm>
#include <atomic>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "dr/mutex.h"

namespace demo {
namespace {

// Stops all threads when one of them fails.
class FirstError {
 public:
  void Report(absl::Status status) {
    dr::MutexLock lock(mutex_);
    if (status_.ok()) status_ = std::move(status);
    failed_ = true;
  }
  bool failed() const { return failed_; }
  absl::Status status() {
    dr::MutexLock lock(mutex_);
    return status_;
  }

 private:
  dr::Mutex mutex_;
  absl::Status status_;
  std::atomic<bool> failed_ = false;
};

// One agent's way through the plan.
class Walk {
 public:
  Walk(const Plan& plan, std::uint32_t agent, std::uint64_t from, std::uint64_t to)
      : plan_(plan), at_(plan.Find(agent, from)), position_(from), to_(to) {}

  bool done() const { return position_ >= to_; }

  // Commits what is left of the current step.
  absl::Status Step(Agent& agent, const OnCommitted& on_committed) {
    const std::vector<PlannedOperation> step = plan_.Step(at_.agent, at_.step);
    std::span<const PlannedOperation> batch = std::span(step).subspan(at_.already_done);
    batch = batch.first(std::min<std::uint64_t>(batch.size(), to_ - position_));
    if (absl::Status s = agent.Commit(batch); !s.ok()) return s;
    std::uint64_t chain = 0;
    for (const PlannedOperation& operation : batch)
      chain = History::Chained(chain, operation.payload);
    position_ += batch.size();
    on_committed(at_.agent, position_, chain);
    at_ = {.agent = at_.agent, .step = at_.step + 1};
    return absl::OkStatus();
  }

 private:
  const Plan& plan_;
  PlanCursor at_;
  std::uint64_t position_;
  const std::uint64_t to_;
};

}  // namespace

absl::Status Work(Agent& agent, const Plan& plan, const Positions& from, std::uint64_t operations,
                  std::uint32_t threads, std::stop_token stop, const OnCommitted& on_committed) {
  const Positions to = plan.Split(operations);
  FirstError error;
  const auto drive = [&](std::uint32_t thread) {
    std::vector<Walk> walks;
    for (std::uint32_t a = thread; a < kAgents; a += threads)
      walks.emplace_back(plan, a, from[a], to[a]);
    bool busy = true;
    while (busy) {
      busy = false;
      for (Walk& walk : walks) {
        if (walk.done()) continue;
        if (stop.stop_requested() || error.failed()) return;
        if (absl::Status s = walk.Step(agent, on_committed); !s.ok()) return error.Report(s);
        busy = true;
      }
    }
  };
  {
    std::vector<std::jthread> running;
    for (std::uint32_t thread = 0; thread < threads; ++thread) running.emplace_back(drive, thread);
  }
  return error.status();
}

}  // namespace demo
