// A server that the bench starts itself and stops again, by its process id, whatever happens.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace bench {

struct ServerCommand {
  std::vector<std::string> arguments;  ///< the program first
  std::string user = {};               ///< to run as, if the bench runs as root; empty: its own
  std::string output;                  ///< file that gets what it prints
  int stop_signal;
};

class ServerProcess {
 public:
  /// Returns when `ready` says so; kUnavailable with the end of its output if it ends before or
  /// takes longer than 20 s. Dies with the calling thread.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const ServerCommand& command,
                                                              absl::FunctionRef<bool()> ready);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

 private:
  ServerProcess(pid_t pid, int stop_signal) : pid_(pid), stop_signal_(stop_signal) {}
  bool Ended();

  pid_t pid_;
  int stop_signal_;
};

/// Runs a command to its end.
absl::Status RunToEnd(const ServerCommand& command);
/// Gives a directory to the user that a server runs as; nothing to do where the bench is not root.
absl::Status GiveTo(const std::string& directory, const std::string& user);

}  // namespace bench
