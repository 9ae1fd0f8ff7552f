// Room in a log: it is made before it is needed, settled before Lsns are taken, and given back.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/log/group_writer.h"
#include "src/log/locked_log.h"
#include "src/log/segment_files.h"

namespace dr::inline v0 {

/// Thread-safe. The calls are Wal's, which says what they do.
class LogRoom {
 public:
  /// All outlive it.
  LogRoom(SharedLog& shared, const SegmentFiles& files, const GroupWriter& writer)
      : shared_(shared), files_(files), writer_(writer) {}

  absl::Status MakeRoom(std::uint64_t count, const Context& context) const;
  absl::Status Admit(std::size_t payload_bytes, const Context& context) const;
  void Withdraw(std::size_t payload_bytes) const;
  absl::StatusOr<bool> Prepare() const;
  absl::Status HoldGrowth(bool held) const;
  absl::Status Trim(Lsn keep_from) const;

  /// Prepares one chunk of the newest segment or of a spare. SegmentWork::CanPrepare holds.
  absl::Status PrepareStep(LockedLog& log) const;

 private:
  /// OK: the log takes operations, as far as there is room.
  absl::Status AwaitHealth(LockedLog& log, const Context& context) const;
  bool PreparesLive(LockedLog& log) const;

  SharedLog& shared_;
  const SegmentFiles& files_;
  const GroupWriter& writer_;
};

}  // namespace dr::inline v0
