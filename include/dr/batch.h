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

/// Commits to several components of one host in one batch with consecutive Lsns: after a crash all
/// are there or none. Returns the last Lsn. Each component applies its own part; errors as
/// Commit's.
DR_EXPORT absl::StatusOr<Lsn> CommitAll(std::span<const ComponentCommit> commits,
                                        const CommitOptions& options = {});

}  // namespace dr::inline v0
