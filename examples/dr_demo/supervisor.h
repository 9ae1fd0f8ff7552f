// The parent process: starts the worker, kills it, starts it again, and compares.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "examples/dr_demo/expectation.h"
#include "examples/dr_demo/figures.h"
#include "examples/dr_demo/options.h"
#include "examples/dr_demo/plan.h"
#include "examples/dr_demo/reports.h"

namespace demo {

class Supervisor {
 public:
  /// `plan` outlives it.
  Supervisor(const Options& options, const std::string& directory, const Plan& plan,
             std::uint64_t operations);

  /// Lets a worker do the first operations of the plan and kills it on the way, as often as asked
  /// for. What it acknowledges moves the expectation on; what it recovers is held against it.
  /// Stops as soon as something is lost.
  absl::StatusOr<Figures> Run();

 private:
  struct Moment;

  absl::Status LiveOnce();
  Moment NextKill();
  bool IsDue(const Moment& moment) const;
  absl::Status Take(const Ready& ready);
  absl::Status Take(const Acknowledged& acknowledged);
  absl::Status Take(const Paused& paused);
  absl::Status Take(const Finished& finished);
  void Compare(const Inspection& found, double recover_ms);
  void Row(std::string_view recovered_in, std::string_view state);
  void Lose(std::uint64_t operations, std::string_view what);
  double Uniform(double from, double to);

  const Options options_;
  const std::string directory_;
  Positions target_;
  Expectation expectation_;
  Figures figures_;
  Progress progress_;
  std::mt19937_64 random_{std::random_device{}()};
  std::chrono::steady_clock::time_point started_ = {};
  double ready_after_ms_ = 100;  // how long the last worker needed from its start
  std::uint64_t start_ = 0;      // operations that were there before
  std::uint32_t rows_ = 0;       // of the table; one for each kill
  bool known_ = false;           // what was there before
  bool ready_ = false;           // in this life of the worker
  bool finished_ = false, killed_ = false, killed_before_ = false;
};

}  // namespace demo
