#include "dr/inspect/log_check.h"

#include <utility>

#include "dr/status_macros.h"
#include "src/base/out_of_memory.h"
#include "src/checkpoint/checkpoint_writer.h"
#include "src/inspect/readable_log.h"
#include "src/inspect/settled.h"
#include "src/inspect/stored_host_parts.h"

namespace dr::inline v0 {
namespace {

// What is left where the log is damaged.
absl::StatusOr<LogCheck> FindCovered(const StoredHost::Parts& host) {
  LogCheck check;
  const absl::StatusOr<ReadableLog> readable = FindEarliest(host);
  if (readable.ok()) {
    check.from = readable->from;
    check.last = readable->last;
  } else if (!absl::IsDataLoss(readable.status())) {
    return readable.status();
  }
  if (host.repository != nullptr) {
    DR_ASSIGN_OR_RETURN(CheckpointCandidates found, FindCheckpoints(*host.repository, {}));
    check.checkpoints = std::move(found.readable);
  }
  return check;
}

absl::StatusOr<LogCheck> Check(const StoredHost::Parts& host) {
  const absl::StatusOr<WholeLog> whole = ReadWholeLog(host);
  if (absl::IsDataLoss(whole.status())) {
    DR_ASSIGN_OR_RETURN(LogCheck check, Settled([&] { return FindCovered(host); }));
    check.damage = whole.status();
    return check;
  }
  DR_RETURN_IF_ERROR(whole.status());
  return LogCheck{.from = whole->from,
                  .last = whole->last,
                  .segments = whole->segments,
                  .durable_recorded = whole->evidence,
                  .durable_known = whole->bounds.known_durable(),
                  .groups_behind = whole->groups_behind};
}

}  // namespace

absl::StatusOr<LogCheck> VerifyLog(const StoredHost& host) {
  return WithinMemory([&] { return Check(host.parts()); });
}

}  // namespace dr::inline v0
