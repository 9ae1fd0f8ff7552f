#include "src/component/commit_call.h"

#include <string>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/component/callback_frame.h"

namespace dr::inline v0 {

CommitCall::~CommitCall() {
  if (attachment_ != nullptr) attachment_->waits().NotifyDue();
  core_.Leave();
}

absl::Status CommitCall::Check(const CommitOptions& options) const {
  DR_RETURN_IF_ERROR(CheckPlace());
  DR_RETURN_IF_ERROR(CheckOptions(options));
  DR_RETURN_IF_ERROR(core_.callbacks().CheckStateLock());
  DR_RETURN_IF_ERROR(core_.failure());
  return CheckContext(options.context, attachment_->runtime().clock, "the commit");
}

absl::Status CommitCall::CheckPlace() const {
  if (!has_host()) {
    return MakeFault({.kind = FaultKind::kUsage, .place = core_.id(), .next = "open a host first"},
                     fmt::format("component '{}' has no host", core_.id()));
  }
  if (in_child()) {
    return MakeFault(
        {.kind = FaultKind::kPoisoned, .place = core_.id(), .next = "commit in the parent only"},
        "this process was forked from the one that has the host");
  }
  attachment_->runtime().bell.RingIfArmed();
  if (CallbackFrame* frame = CallbackFrame::Current(); frame != nullptr) {
    frame->reentered = true;
    return MakeFault(
        {.kind = FaultKind::kUsage,
         .place = std::string(frame->component),
         .next = "commit after the callback has returned"},
        fmt::format("component '{}' committed from inside one of its callbacks", frame->component));
  }
  if (DecideScope::Any()) {
    return MakeFault({.kind = FaultKind::kUsage,
                      .place = core_.id(),
                      .next = "return the operation from decide instead"},
                     "a commit from inside CommitIf's decide");
  }
  return absl::OkStatus();
}

absl::Status CommitCall::CheckOptions(const CommitOptions& options) const {
  if (options.durability == Durability::kRemote) {
    return MakeFault({.kind = FaultKind::kUsage,
                      .place = core_.id(),
                      .next = "use kLocal until the host has a repository"},
                     "kRemote needs a repository");
  }
  if (options.durability > attachment_->runtime().durability_max) {
    return MakeFault({.kind = FaultKind::kUsage,
                      .place = core_.id(),
                      .next = "use kProcess, or open the host with a directory"},
                     "kLocal needs a log on a disk, and this host has none");
  }
  if (options.kind == OperationKind::kMarker) {
    return MakeFault({.kind = FaultKind::kInvalid, .place = core_.id(), .next = "use another kind"},
                     "kMarker is dr's own");
  }
  return absl::OkStatus();
}

}  // namespace dr::inline v0
