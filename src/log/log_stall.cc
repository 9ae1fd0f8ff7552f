// Space that was prepared and is refused all the same.
//
// Preparing writes zeros, so that a group later overwrites blocks that are there. Where a file
// system allocates on overwriting (copy on write, extents shared with a copy) such a write can
// still find no room. No sync has failed then, so the log is not poisoned: callers whose operations
// wait are told that the outcome is open, new ones that there is no room, and each that comes tries
// to write the same bytes to the same place again.

#include <utility>

#include "dr/status.h"
#include "src/base/status_macros.h"
#include "src/log/group_commit.h"

namespace dr::inline v0 {

void GroupCommit::Stall(const absl::Status& why) {
  stalled_ = true;
  log_->Close();
  FoundSpace(why);
  Wake();
}

// Writes what stands in the way, oldest first. One thread at a time; the others are told that there
// is no room.
absl::Status GroupCommit::Retry() {
  const absl::Status no_room =
      MakeFault({.kind = FaultKind::kNoSpace, .next = "free some space; the log goes on by itself"},
                "the disk has no room for what the log has under way");
  if (std::exchange(retrying_, true)) return no_room;
  while (stalled_ && poison_.ok() && RetryOne()) {
  }
  retrying_ = false;
  DR_RETURN_IF_ERROR(Healthy());
  if (stalled_) return no_room;
  FoundSpace(absl::OkStatus());
  UpdateLimit();
  Wake();
  return absl::OkStatus();
}

// False: there is still no room for it.
bool GroupCommit::RetryOne() {
  if (rotation_) {
    RunRotation();
    if (rotation_) return false;
  }
  for (std::size_t i = 0; i < in_flight_.size(); ++i) {
    const std::size_t slot = (oldest_ + i) % in_flight_.size();
    if (in_flight_[slot].state != InFlight::State::kStalled) continue;
    Write(slot);
    return in_flight_[slot].state != InFlight::State::kStalled;
  }
  stalled_ = false;
  return true;
}

}  // namespace dr::inline v0
