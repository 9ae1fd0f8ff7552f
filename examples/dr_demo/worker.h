// The agents at work.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>

#include "absl/status/status.h"
#include "examples/dr_demo/agent.h"
#include "examples/dr_demo/plan.h"

namespace demo {

/// Called after a commit has returned, from the thread that made it: the agent has now done
/// `position` operations; `chain` is the hash over the payloads of this commit.
using OnCommitted =
    std::function<void(std::uint32_t agent, std::uint64_t position, std::uint64_t chain)>;

/// Every agent goes on from where the recovered state says to its share of the first `operations`
/// of the plan. The threads share the agents out among themselves. Returns the first error.
absl::Status Work(Agent& agent, const Plan& plan, const Positions& from, std::uint64_t operations,
                  std::uint32_t threads, std::stop_token stop, const OnCommitted& on_committed);

}  // namespace demo
