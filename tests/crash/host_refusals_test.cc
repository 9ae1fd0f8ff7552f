// What the machine refuses: the n-th call of a host's life fails, for n = 1, 2, 3 … until a life
// has no such call.

#include <catch2/catch.hpp>
#include <iostream>

#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_file_system.h"
#include "dr/testing/sim_random.h"
#include "fmt/format.h"
#include "tests/host/counter_component.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

/// One process on a disk. What it acknowledges is counted; every error it meets is kept.
class Process {
 public:
  explicit Process(SimFileSystem& disk) : disk_(disk) {}

  absl::Status Open() {
    HostOptions options;
    options.directory = "agent";
    options.components = {&out_, &in_};
    options.environment = {.files = &disk_, .clock = &clock_, .random = &random_};
    options.log = {.segment_bytes = 64 << 10, .group_bytes = 8 << 10, .ring_capacity = 8};
    absl::StatusOr<std::unique_ptr<Host>> host = Host::Open(std::move(options), {});
    if (!host.ok()) return Met(host.status());
    host_ = *std::move(host);
    return absl::OkStatus();
  }
  /// Both accounts, or none. Long payloads make the log rotate.
  absl::Status Move(std::size_t bytes) {
    const std::string payload(bytes, 'x');
    ++tried_;
    const ComponentCommit batch[] = {{&out_, payload}, {&in_, payload}};
    absl::Status moved = Met(CommitAll(batch).status());
    if (moved.ok()) ++acknowledged_;
    return moved;
  }
  absl::Status Checkpoint() { return Met(host_->Checkpoint().status()); }
  void End() { host_.reset(); }
  absl::Status Shutdown() { return Met(host_->Shutdown()); }

  std::uint64_t in() const { return in_.Total(); }
  std::uint64_t out() const { return out_.Total(); }
  std::uint64_t tried() const { return tried_; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  const std::vector<absl::Status>& errors() const { return errors_; }

 private:
  absl::Status Met(absl::Status status) {
    if (!status.ok()) errors_.push_back(status);
    return status;
  }

  SimFileSystem& disk_;
  SimClock clock_;
  SimRandom random_{11};
  Counters out_{"out"}, in_{"in"};
  std::unique_ptr<Host> host_;
  std::uint64_t tried_ = 0, acknowledged_ = 0;
  std::vector<absl::Status> errors_;
};

// Opens, commits, rotates, takes checkpoints, trims; goes on whatever fails. False: it did not
// open.
bool Work(Process& process) {
  if (!process.Open().ok()) return false;
  for (int i = 0; i < 6; ++i) {
    static_cast<void>(process.Move(i % 2 == 0 ? 20'000 : 10));
    if (i % 2 == 1) static_cast<void>(process.Checkpoint());
  }
  return true;
}

// Each error is of `expected` kind, or follows from it: a group that was not written is an error of
// the device whatever the reason, a directory that could not be synced leaves a name in doubt, and
// a log that could not be written is poisoned. None says that data is damaged or missing.
void CheckErrors(const std::vector<absl::Status>& errors, FaultKind expected) {
  for (const absl::Status& error : errors) {
    INFO(error.ToString());
    const std::optional<Fault> fault = FaultOf(error);
    REQUIRE(fault.has_value());
    CHECK((fault->kind == expected || fault->kind == FaultKind::kIo ||
           fault->kind == FaultKind::kAmbiguous ||
           (&error != &errors.front() && fault->kind == FaultKind::kPoisoned)));
  }
}

// Once the fault is gone the host goes on, or says that it is poisoned and stays so. False:
// poisoned.
bool GoesOn(Process& process) {
  absl::Status moved = process.Move(10);
  if (moved.ok()) {
    REQUIRE_OK(process.Checkpoint());
    REQUIRE_OK(process.Shutdown());
    return true;
  }
  INFO(moved.ToString());
  CHECK(FaultOf(moved)->kind == FaultKind::kPoisoned);
  CHECK(FaultOf(process.Move(10))->kind == FaultKind::kPoisoned);
  CHECK_FALSE(process.Checkpoint().ok());
  return false;
}

// All that was acknowledged is there, whole, and the next process goes on with it.
void CheckLeft(SimFileSystem& disk, const Process& before) {
  Process process(disk);
  REQUIRE_OK(process.Open());
  CHECK(process.in() == process.out());
  CHECK(process.in() >= before.acknowledged());
  CHECK(process.in() <= before.tried());
  CHECK(GoesOn(process));
}

TEST_CASE(
    "A12: what the machine refuses at any call is a typed error, and what was acknowledged stays",
    "[long]") {
  std::uint64_t runs = 0, went_on = 0, poisoned = 0, unopened = 0;
  for (int error : {EDQUOT, EFBIG, EMFILE, EROFS, EACCES}) {
    const FaultKind expected = FaultOf(MakeIoFault("", "", error))->kind;
    for (auto [direct, lasting] : {std::pair{true, Lasting::kOnce},
                                   {false, Lasting::kForGood},
                                   {true, Lasting::kForGood},
                                   {false, Lasting::kOnce}}) {
      for (std::uint64_t nth = 1;; ++nth, ++runs) {
        SimFileSystem disk({.direct = direct});
        disk.Inject({.error = error, .nth = nth, .lasting = lasting});
        auto process = std::make_unique<Process>(disk);
        const bool opened = Work(*process);
        if (disk.failures() == 0) break;
        INFO(fmt::format("errno {} at call {}, {}, {}", error, nth, direct ? "direct" : "buffered",
                         lasting == Lasting::kForGood ? "for good" : "once"));
        CheckErrors(process->errors(), expected);
        CHECK(process->in() == process->out());
        CHECK(process->in() >= process->acknowledged());
        disk.ClearFaults();
        if (!opened) {
          ++unopened;
        } else if (GoesOn(*process)) {
          ++went_on;
        } else {
          ++poisoned;
        }
        process->End();
        CHECK(disk.open_handles() == 0);
        for (bool power_cut : {false, true}) {
          CheckLeft(power_cut ? *disk.AfterPowerCut() : *disk.AfterKill(), *process);
        }
      }
    }
  }
  std::cout << fmt::format(
      "host refusals: {} runs: {} did not open, {} went on, {} were poisoned\n", runs, unopened,
      went_on, poisoned);
  CHECK(unopened > 100);
  CHECK(went_on > 100);
  CHECK(poisoned > 100);
}

}  // namespace
}  // namespace dr::test
