// The files that will be segments of a log: prepared, on their way to it, or recycled.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "src/log/log_space.h"
#include "src/log/segment_file.h"

namespace dr::inline v0 {

/// Numbers that spares to come are named by.
struct SpareNumbers {
  std::uint64_t first = 0, count = 0;
};

/// A value without I/O; not thread-safe. Who prepares a spare takes it off the list meanwhile.
class SpareList {
 public:
  /// How many are kept from one opening, or from a trim, to the next.
  static constexpr std::size_t kKeptMax = 3;

  /// Spares are whole with `segment_bytes`. All numbers before `next_number` have been used.
  SpareList(std::uint64_t segment_bytes, std::vector<SegmentFile> spares,
            std::uint64_t next_number);

  std::size_t size() const { return spares_.size(); }
  /// Blocks of groups that they can take now.
  std::uint64_t Blocks() const {
    std::uint64_t blocks = 0;
    for (const SegmentFile& spare : spares_) {
      blocks += UsableBlocks(spare.prepared_bytes, kBlockBytes);
    }
    return blocks;
  }
  /// How many retired files are worth keeping.
  std::uint64_t Wanted() const { return kKeptMax - std::min(kKeptMax, spares_.size()); }
  SpareNumbers ReserveNumbers(std::uint64_t count);

  /// So that `count` can be added without more memory.
  void MakePlaces(std::size_t count) { spares_.reserve(spares_.size() + count); }
  void Add(SegmentFile spare);
  /// The oldest that has room for a group; where none has, the first. There must be one.
  SegmentFile Take();
  /// One that is not whole yet; nullopt if all are.
  std::optional<SegmentFile> TakeUnfinished();

 private:
  SegmentFile TakeAt(std::size_t index);

  std::uint64_t segment_bytes_;
  std::vector<SegmentFile> spares_;
  std::uint64_t next_number_;
};

}  // namespace dr::inline v0
