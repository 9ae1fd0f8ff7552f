// Groups on their way to the disk, in order. Two at most, because devices overlap flushes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dr/digest.h"
#include "dr/types.h"
#include "src/log/aligned_buffer.h"

namespace dr::inline v0 {

/// What is written at once: it belongs to the thread that writes it.
struct GroupWrite {
  std::uint64_t offset = 0;  ///< in the newest segment
  std::uint64_t size = 0;
  AlignedBuffer buffer = {};

  std::string_view bytes() const { return {buffer.data(), size}; }
  std::uint64_t end() const { return offset + size; }
};

/// A group that has its place in the log.
struct GroupInFlight {
  GroupWrite write = {};      ///< without its buffer while it is written, and from then on
  Lsn unit = {};              ///< the last whole record or batch behind it
  Digest unit_history = {};   ///< of the log up to `unit`
  Lsn last = {};              ///< the last record behind it
  Lsn evidence = {};          ///< what it says to be durable
  std::uint64_t records = 0;  ///< Lsns behind what was dispatched before
};

/// A value; not thread-safe. Groups are removed in the order in which they came.
class GroupsInFlight {
 public:
  static constexpr std::size_t kMax = 2;

  std::size_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == kMax; }
  const GroupInFlight& oldest() const { return slots_[oldest_].group; }

  /// The last in order; it waits to be written. Returns its slot.
  std::size_t Add(GroupInFlight group);
  /// Gives one that waits to the thread that writes it.
  GroupWrite Take(std::size_t slot);
  /// It was not written, and waits again.
  void PutBack(std::size_t slot, GroupWrite write);
  /// It is on the disk, or the log has failed.
  void SetWritten(std::size_t slot);
  bool IsWaiting(std::size_t slot) const { return slots_[slot].state == State::kWaiting; }
  /// The first that waits.
  std::optional<std::size_t> waiting() const;
  bool oldest_written() const { return slots_[oldest_].state == State::kWritten; }
  /// The oldest, which was written.
  void Remove();

  void Check() const {
    if (count_ != 0) CheckSlots();
  }

 private:
  enum class State : std::uint8_t { kFree, kWaiting, kWriting, kWritten };
  struct Slot {
    State state = State::kFree;
    GroupInFlight group = {};
  };
  void CheckSlots() const;

  std::array<Slot, kMax> slots_;
  std::size_t oldest_ = 0, count_ = 0;  ///< of slots_, a ring
};

}  // namespace dr::inline v0
