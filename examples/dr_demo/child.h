// This program once more, as a process of its own that can be killed.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace demo {

/// Where a child finds the pipe to its parent.
inline constexpr int kReportPipe = 3;

class Child {
 public:
  /// Starts the program with `arguments`. It dies with its parent (see DieWithParent).
  static absl::StatusOr<Child> Start(const std::vector<std::string>& arguments);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  /// Kills it if it still runs.
  ~Child();

  /// The end of the pipe to read from.
  int pipe() const { return pipe_; }
  void Kill();
  /// Waits for its end; what waitpid gives.
  int Wait();

 private:
  Child(pid_t pid, int pipe) : pid_(pid), pipe_(pipe) {}
  pid_t pid_;
  int pipe_;
};

/// For the child: ends it when its parent does, even by a kill.
void DieWithParent();

}  // namespace demo
