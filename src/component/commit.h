// Committing: what can refuse an operation, its place in the log, and the wait for its application.
//
// These are the calls of StatefulComponent and dr::CommitAll, where their contracts stand. No
// exception leaves them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "dr/batch.h"
#include "src/component/component_core.h"

namespace dr::inline v0 {

absl::StatusOr<Lsn> CommitOperation(ComponentCore& core, std::string_view payload,
                                    const CommitOptions& options);
absl::StatusOr<Lsn> CommitDecision(ComponentCore& core,
                                   absl::FunctionRef<absl::StatusOr<std::string>()> decide,
                                   const CommitOptions& options);
void CommitLater(ComponentCore& core, std::string_view payload, const CommitOptions& options,
                 absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done);
absl::StatusOr<Lsn> CommitBatch(std::span<const ComponentCommit> commits,
                                const CommitOptions& options);

}  // namespace dr::inline v0
