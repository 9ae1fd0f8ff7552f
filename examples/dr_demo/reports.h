// What the worker tells its parent, through a pipe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "examples/dr_demo/expectation.h"

namespace demo {

/// The first word after a start: what was recovered.
struct Ready {
  Inspection found = {};
  double recover_ms = 0;
};
/// Sent after the commit has returned.
struct Acknowledged {
  std::uint32_t agent = 0;
  std::uint64_t position = 0;  ///< operations of the agent so far
  std::uint64_t chain = 0;     ///< over the payloads of this commit, which ended at `position`
};
/// How long a checkpoint kept writers waiting.
struct Paused {
  double microseconds = 0;
};
/// Everything is done and shut down.
struct Finished {};

using Report = std::variant<Ready, Acknowledged, Paused, Finished>;

/// Sends in one write, which a pipe keeps whole: any thread may send, and a kill leaves no half
/// report. False when nobody reads any more.
bool Send(int pipe, const Report& report);

/// Puts reports together from what arrives.
class ReportReader {
 public:
  explicit ReportReader(int pipe) : pipe_(pipe) {}
  /// Waits for more to arrive; false at the end of the pipe.
  bool Wait(std::chrono::milliseconds timeout);
  /// The next that has arrived.
  std::optional<Report> Next();

 private:
  int pipe_;
  std::string bytes_;
  std::size_t at_ = 0;
};

}  // namespace demo
