// Group commit: callers wait for their operations, and the first that may lead writes for all.
#pragma once

#include "absl/status/status.h"
#include "src/log/group_writer.h"
#include "src/log/locked_log.h"
#include "src/log/log_room.h"

namespace dr::inline v0 {

/// Thread-safe. The calls are Wal's, which says what they do.
class GroupCommit {
 public:
  /// All outlive it.
  GroupCommit(SharedLog& shared, const GroupWriter& writer, const LogRoom& room)
      : shared_(shared), writer_(writer), room_(room) {}

  absl::Status Stage(Lsn upto, const Context& context) const;
  absl::Status Persist(Lsn upto, const Context& context) const;
  absl::Status Seal(const Context& context) const;

 private:
  SharedLog& shared_;
  const GroupWriter& writer_;
  const LogRoom& room_;
};

}  // namespace dr::inline v0
