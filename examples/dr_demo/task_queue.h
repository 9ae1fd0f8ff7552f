// What is waiting to be done and what is being done. It stays small, so it needs no frozen view:
// its state is saved under its lock.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "examples/dr_demo/tracked_component.h"

namespace demo {

class TaskQueue final : public TrackedComponent {
 public:
  TaskQueue() : TrackedComponent("queue", {.name = "queue", .version = 1}) {}

  /// The operations, ready to be committed: a task waits, is being done, is gone.
  static std::string Push(std::uint32_t agent, std::uint64_t task, std::string_view title);
  static std::string Take(std::uint32_t agent, std::uint64_t task);
  static std::string Complete(std::uint32_t agent, std::uint64_t task);

  struct Size {
    std::size_t waiting = 0, running = 0;
    std::uint64_t completed = 0;
  };
  Size size() const;

  /// What the state is written as, and the digest summed over.
  static std::string TaskRecord(std::uint64_t task, bool running, std::string_view title);
  static std::string CompletedRecord(std::uint64_t completed);

 private:
  struct Task {
    bool running = false;
    std::string title = {};
  };

  absl::Status Apply(const dr::Operation& operation) override;
  absl::Status SaveState(dr::StateWriter& out) const override;
  absl::Status LoadState(dr::StateReader& in) override;

  std::map<std::uint64_t, Task> tasks_;
  std::uint64_t completed_ = 0;
};

}  // namespace demo
