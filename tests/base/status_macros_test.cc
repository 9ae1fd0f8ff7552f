#include "dr/status_macros.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

namespace {

// What was evaluated on the way.
struct Trace {
  int evaluated = 0;
  bool went_on = false;

  absl::Status Give(const absl::Status& status) {
    ++evaluated;
    return status;
  }
};

const absl::Status kBusy = absl::UnavailableError("busy");

TEST_CASE("A status is evaluated once and returned where it is not OK") {
  const auto run = [](Trace& trace, const absl::Status& status) -> absl::StatusOr<int> {
    DR_RETURN_IF_ERROR(trace.Give(status));
    trace.went_on = true;
    return 7;
  };
  Trace fine, failed;
  CHECK(run(fine, absl::OkStatus()).value() == 7);
  CHECK(run(failed, kBusy).status() == kBusy);
  CHECK((fine.evaluated == 1 && fine.went_on));
  CHECK((failed.evaluated == 1 && !failed.went_on));
}

TEST_CASE("A return on error is one statement, with and without else") {
  const auto run = [](bool first) -> absl::Status {
    if (first)
      DR_RETURN_IF_ERROR(kBusy);
    else
      DR_RETURN_IF_ERROR(absl::OkStatus());
    return absl::AbortedError("went on");
  };
  CHECK(absl::IsUnavailable(run(true)));
  CHECK(absl::IsAborted(run(false)));
}

TEST_CASE("A value is moved to what is declared or assigned, also what cannot be copied") {
  const auto make = [](int value) -> absl::StatusOr<std::unique_ptr<int>> {
    return std::make_unique<int>(value);
  };
  const auto run = [&]() -> absl::StatusOr<int> {
    DR_ASSIGN_OR_RETURN(const std::unique_ptr<int> declared, make(3));
    std::unique_ptr<int> assigned;
    DR_ASSIGN_OR_RETURN(assigned, make(4));
    return *declared + *assigned;
  };
  CHECK(run().value() == 7);
}

TEST_CASE("An error of what was to be assigned is returned and nothing is assigned") {
  std::string target = "as it was";
  const auto run = [&]() -> absl::Status {
    DR_ASSIGN_OR_RETURN(target, absl::StatusOr<std::string>(kBusy));
    return absl::OkStatus();
  };
  CHECK(run() == kBusy);
  CHECK(target == "as it was");
}

}  // namespace
