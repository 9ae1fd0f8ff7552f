// Writes what producers have appended: groups, and the steps from one segment to the next.
//
// Whoever waits and may lead does this for all: it encodes what everybody has appended, writes it
// without the mutex, and wakes those it covered. Up to two groups are in flight; they are
// acknowledged in order.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "dr/environment/random.h"
#include "src/log/locked_log.h"
#include "src/log/segment_files.h"

namespace dr::inline v0 {

/// Thread-safe.
class GroupWriter {
 public:
  /// Both outlive it.
  GroupWriter(const SegmentFiles& files, Random& random) : files_(files), random_(random) {}

  /// Encodes and writes a group, or rotates. LogState::CanLead holds.
  void Lead(LockedLog& log) const;
  /// Writes the open group.
  void WriteGroup(LockedLog& log) const;
  /// Writes what a stalled log has under way. OK: it goes on.
  absl::Status Retry(LockedLog& log) const;

 private:
  enum class Retried : std::uint8_t { kNoRoom, kWritten, kNothingLeft };

  void Write(LockedLog& log, std::size_t slot) const;
  void Acknowledge(LockedLog& log) const;
  void Rotate(LockedLog& log) const;
  Retried RetryOne(LockedLog& log) const;
  static void Stall(LockedLog& log, const absl::Status& why);
  static void Poison(LockedLog& log, absl::Status why);

  const SegmentFiles& files_;
  Random& random_;
};

}  // namespace dr::inline v0
