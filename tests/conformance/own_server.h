// A server of a test's own, which it may kill.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/temp_directory.h"

namespace dr::test {

class OwnServer {
 public:
  /// Runs tests/servers/`name`; what it prints is in the environment from then on.
  static absl::StatusOr<std::unique_ptr<OwnServer>> Start(const std::string& name);
  ~OwnServer();
  OwnServer(const OwnServer&) = delete;
  OwnServer& operator=(const OwnServer&) = delete;

  absl::Status Kill() { return Run("kill"); }
  /// With the ports and the data of before; does not wait until it answers.
  absl::Status Restart() { return Run("restart"); }

 private:
  explicit OwnServer(const std::string& name);
  std::string Command(const std::string& verb) const;
  absl::Status Run(const std::string& verb) const;

  const std::string program_;
  TempDirectory folder_;
};

}  // namespace dr::test
