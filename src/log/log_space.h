// Whether there is room in a log: arithmetic on blocks, without files.
//
// A Lsn is given out only when a prepared block stands behind it, so that an append that is taken
// is never refused by the disk. Records longer than kSmallRecordBytes settle their blocks first.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dr/log/segment.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// Blocks that groups can take from `offset` on: the last prepared one is the footer's.
constexpr std::uint64_t UsableBlocks(std::uint64_t prepared_bytes, std::uint64_t offset) {
  return prepared_bytes < offset + kBlockBytes
             ? 0
             : (prepared_bytes - kBlockBytes - offset) / kBlockBytes;
}

/// What is prepared and not yet written, and what of it is spoken for.
struct PreparedSpace {
  std::uint64_t live_blocks = 0;   ///< of the newest segment
  std::uint64_t spare_blocks = 0;  ///< of files that will be segments
  std::uint64_t open_bytes = 0;    ///< of the group that is being filled, which will take them
  std::uint64_t promised = 0;      ///< Lsns within the limit that are not staged
};

/// A value; not thread-safe.
class LogSpace {
 public:
  /// Large records are on their way: their blocks are no longer anybody else's.
  void Admit(std::size_t payload_bytes) { large_bytes_ += payload_bytes; }
  /// They were not appended after all, or are encoded and so part of a group.
  void Release(std::size_t payload_bytes);

  /// Blocks that are left, those apart that the next opening of the log needs.
  static std::uint64_t Free(const PreparedSpace& space);
  /// Blocks that producers may still use: one for every Lsn, and the large records'.
  std::uint64_t Reserved(const PreparedSpace& space) const;
  /// Room for `blocks` more beside what is reserved.
  bool HasFree(const PreparedSpace& space, std::uint64_t blocks) const {
    return Free(space) >= Reserved(space) + blocks;
  }
  /// Blocks of a record, or of several, that are admitted.
  static std::uint64_t BlocksFor(std::size_t payload_bytes);
  /// The highest Lsn behind which a block stands, at most `capacity` beyond `staged`. What was
  /// promised before may be more.
  Lsn Limit(const PreparedSpace& space, Lsn staged, std::uint64_t capacity) const;
  /// Less is prepared than a ring of `capacity` operations may use before the next look.
  bool WantsMore(const PreparedSpace& space, std::uint64_t capacity) const;

  /// What an attempt has shown: room, or that there is none. True: that was not known.
  bool Learn(bool room);
  bool exhausted() const { return exhausted_; }  ///< the last attempt found no room
  /// While held nothing more is prepared.
  void HoldGrowth(bool held) { growth_held_ = held; }
  bool growth_held() const { return growth_held_; }

 private:
  std::uint64_t large_bytes_ = 0;  ///< admitted and not yet encoded
  bool exhausted_ = false;
  bool growth_held_ = false;
};

}  // namespace dr::inline v0
