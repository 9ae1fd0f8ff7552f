// All that a log knows while it is open: values under one mutex, which LockedLog is the way to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dr/log/operation_log.h"
#include "dr/log/wal.h"
#include "src/base/assert.h"
#include "src/log/durable_mark.h"
#include "src/log/group_encoder.h"
#include "src/log/groups_in_flight.h"
#include "src/log/log_health.h"
#include "src/log/log_opening.h"
#include "src/log/log_positions.h"
#include "src/log/log_space.h"
#include "src/log/log_waiters.h"
#include "src/log/segment_chain.h"
#include "src/log/segment_work.h"

namespace dr::inline v0 {

/// What has no I/O is decided here. Not thread-safe.
class LogState {
 public:
  /// `direct`: a group is one system call.
  LogState(OpenedLog opened, bool direct, std::size_t group_bytes);

  /// Once, by the constructor of the log whose operations land here. What is not a look needs it.
  void Bind(OperationLog& ring);
  OperationLog& ring() const;

  PreparedSpace Space() const;
  /// Lets producers go on as far as there is space.
  void UpdateLimit();

  /// The newest segment can take no other group.
  bool SegmentFull() const { return !encoder.open() && chain.LiveBlocks() == 0; }
  /// Whether a thread may encode and write now, or rotate where the segment is full.
  bool CanLead() const;
  /// False: the newest segment has no room.
  bool OpenGroup(Lsn first_lsn, std::int64_t time_ns);
  /// Encodes all that producers have appended, until the group is full.
  void Encode();
  /// The open group takes its place in the log. Returns its slot among those in flight.
  std::size_t Dispatch();
  /// The newest segment is to end here, for a spare that is there.
  void BeginRotation();
  void EndRotation();

  /// First somebody who can lead, then all that are done; in trouble all.
  void Wake();
  WalFigures Figures() const;
  void Check() const {
    positions.Check();
    chain.Check();
    in_flight.Check();
    DR_ASSERT(!work.rotating() || (in_flight.empty() && !encoder.open()));
  }

  LogPositions positions;
  SegmentChain chain;
  GroupEncoder encoder;
  GroupsInFlight in_flight;
  std::optional<DurableMarkWriter> mark;  ///< the thread that acknowledges has it
  SegmentWork work;
  LogSpace space;
  LogHealth health;
  LogWaiters waiters;
  WalFigures counts;  ///< what only counting tells

 private:
  OperationLog* ring_ = nullptr;
  const bool direct_;
};

}  // namespace dr::inline v0
