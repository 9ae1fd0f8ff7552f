// The group that is being filled, and the buffers that groups are encoded into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dr/log/operation_log.h"
#include "src/format/history.h"
#include "src/log/aligned_buffer.h"
#include "src/log/groups_in_flight.h"
#include "src/log/log_time.h"

namespace dr::inline v0 {

/// A value without I/O; not thread-safe. A buffer moves out with its group and is given back when
/// that was written, so there is always one for the group behind those in flight.
class GroupEncoder {
 public:
  /// `history` is of all that was encoded before.
  GroupEncoder(const GroupBuilder& builder, const LogTime& time, const Digest& history,
               std::size_t group_bytes);

  bool open() const { return state_ != State::kClosed; }
  bool full() const { return state_ == State::kFull; }
  std::size_t size() const { return open() ? builder_.size() : 0; }  ///< bytes so far
  Lsn evidence() const { return evidence_; }                         ///< of the open group
  bool in_record() const { return builder_.in_record(); }
  const LogTime& time() const { return time_; }
  const Digest& history() const { return history_; }            ///< of what is encoded
  const Digest& unit_history() const { return unit_history_; }  ///< of whole records and batches

  /// Begins a group of at most `room_bytes`, which starts with `first_lsn`.
  void Open(std::uint64_t room_bytes, Lsn first_lsn, Lsn evidence, std::int64_t time_ns);
  /// Fixes the time of a record, once: one that goes on from the group before has its time there.
  /// `now_ns`, 0 at first, is one look at the clock for several records.
  void FixTime(RecordView& record, std::int64_t& now_ns) {
    if (builder_.in_record()) return;
    if (record.time_ns == 0 && now_ns == 0) now_ns = time_.wall_ns();
    record.time_ns = time_.Record(record.time_ns, now_ns);
  }
  /// False: the group is full, and the record goes on in the next.
  bool Add(const LogEntry& entry) {
    if (!builder_.Add(entry.record)) {
      state_ = State::kFull;
      return false;
    }
    history_ += HistoryOf(entry.record, entry.payload_digest);
    if (!entry.record.batch_continues) unit_history_ = history_;
    return true;
  }
  std::uint32_t record_count() const { return builder_.record_count(); }  ///< that end in it
  /// Closes the group, which goes to `offset` of the newest segment.
  GroupWrite Close(std::uint64_t offset);
  void GiveBack(AlignedBuffer buffer);

  /// Encodes the footer of the newest segment, which fills `block`, and returns its hash.
  std::uint64_t CloseSegment(std::span<char> block, Lsn next_lsn, Lsn evidence);
  void NextSegment(const SegmentPrefix& prefix, std::uint64_t prefix_hash) {
    builder_.NextSegment(prefix, prefix_hash);
  }

 private:
  enum class State : std::uint8_t { kClosed, kOpen, kFull };

  GroupBuilder builder_;  ///< has built all groups before
  LogTime time_;
  Digest history_, unit_history_;
  std::vector<AlignedBuffer> free_;
  AlignedBuffer buffer_;  ///< of the open group
  State state_ = State::kClosed;
  Lsn evidence_ = {};
};

}  // namespace dr::inline v0
