// Several operations that happen together, or not at all.
//
//   dr::CommitAll({{{&from, Withdraw(100)}, {&to, Deposit(100)}}});     // both, also after a crash
#pragma once

#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "dr/export.h"
#include "dr/stateful_component.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// One operation of a batch.
struct ComponentCommit {
  /// Whose operation it is; of the same host as the others.
  StatefulComponent* component = nullptr;
  std::string_view payload = {};  ///< kept by the caller until CommitAll returns
};

/// Commits to several components of one host in one batch with consecutive Lsns, in the order
/// given: after a crash all are there or none. Several may be of one component. Returns the last
/// Lsn when all are durable and applied; each component applies its own part, so a reader of two
/// may find one ahead of the other for a moment.
///
/// Thread-safe, and refused where Commit of one of the components is, with Commit's errors. Also
/// not taken: kInvalidArgument (no operation, one without a component, or more than half as many
/// as HostOptions::log has room for) and kFailedPrecondition (components of several hosts).
/// kInternal: a component has failed, and what is in the log waits for a mended one; the others
/// apply theirs.
DR_EXPORT absl::StatusOr<Lsn> CommitAll(std::span<const ComponentCommit> commits,
                                        const CommitOptions& options = {});

}  // namespace dr::inline v0
