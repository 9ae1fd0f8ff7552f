// The state of the agents of this demo: three components, and the host that keeps them alive.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/host.h"
#include "examples/dr_demo/expectation.h"
#include "examples/dr_demo/graph_memory.h"
#include "examples/dr_demo/journal.h"
#include "examples/dr_demo/plan.h"
#include "examples/dr_demo/task_queue.h"

namespace demo {

class Agent {
 public:
  /// Recovers what is in `directory`, or starts there with nothing. `observer` may be null.
  static absl::StatusOr<std::unique_ptr<Agent>> Open(const std::string& directory,
                                                     dr::Observer* observer = nullptr);

  /// All of `batch` or nothing. It survives kill -9 and power loss when this returns. Thread-safe.
  absl::Status Commit(std::span<const PlannedOperation> batch);

  /// Counts everything anew, and fails if that is not what the components kept up to date.
  absl::StatusOr<Inspection> Inspect() const;

  /// What is in memory, in a few lines for a person.
  std::string Describe() const;

  double recover_ms() const;
  dr::Host& host() { return *host_; }

 private:
  Agent() = default;

  GraphMemory graph_;
  TaskQueue queue_;
  Journal journal_;
  std::unique_ptr<dr::Host> host_;  // the components outlive it
};

}  // namespace demo
