// What a host with a repository and no directory has saved there, component by component.
//
//   if (dr::StoredState* state = dr::StateOf(*host)) {
//     auto saved = state->SaveState("inventory");              // now; the others as they were
//     auto outcome = state->LoadState("inventory");            // back to what is saved
//   }
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/checkpoint.h"
#include "dr/export.h"
#include "dr/types.h"

namespace dr::inline v0 {

class Host;

/// Thread-safe. kNotFound: the host has no such component. Once another host has opened the
/// repository, this one can save nothing more. It notices in its next call here or its next
/// Checkpoint (by policy and in Shutdown too), even if there is nothing to write: that call fails
/// with kFailedPrecondition, a fault kFenced, and so does everything from then on, commits
/// included. Until then commits are OK; kProcess promises no more than that.
class DR_EXPORT StoredState {
 public:
  virtual ~StoredState() = default;
  /// Saves one component as it is now. The others stay as they were saved, so until the next
  /// checkpoint the saved states are of different moments and may hold a part of a batch. (With a
  /// ttl all are saved.)
  virtual absl::StatusOr<CheckpointInfo> SaveState(std::string_view component,
                                                   const Context& context = {}) = 0;
  /// Replaces the component's state by what is saved, between two operations; what was committed
  /// since is gone. If nothing is saved (kMissing) or it cannot be read (kDataLoss), the state
  /// stays as it is. Called after Open, it tells what Open found.
  virtual absl::StatusOr<StateOutcome> LoadState(std::string_view component,
                                                 const Context& context = {}) = 0;
  /// Deletes what is saved of the component. The component itself stays as it is, and is saved
  /// again once something has been committed to it.
  virtual absl::Status DeleteState(std::string_view component, const Context& context = {}) = 0;
};

/// Null for a host with a directory, whose log has everything. As long-lived as the host.
DR_EXPORT StoredState* StateOf(Host& host);

}  // namespace dr::inline v0
