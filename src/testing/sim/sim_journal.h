// Everything that ever reached a simulated disk, in order. Every prefix is a moment at which the
// power may fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/testing/sim/sim_image.h"

namespace dr::inline v0 {

inline constexpr std::uint64_t kSimSectorBytes = 512;

struct SimEvent {
  enum class Kind : std::uint8_t {
    kWriteBegin,      // inode, offset, size, data
    kWriteEnd,        // begin; size: what was done of it; durable: it needs no sync
    kTruncate,        // inode, size
    kSyncBegin,       // inode
    kSyncEnd,         // inode, begin; durable: the disk did not lie
    kSyncFailed,      // inode, begin: what it should have written is clean and will not be again
    kEvict,           // inode: what failed to be written leaves the cache too
    kCreate,          // directory, name, inode, type
    kRename,          // directory, name, to, inode
    kLink,            // directory, name, inode
    kRemove,          // directory, name, inode
    kSyncNamesBegin,  // directory
    kSyncNamesEnd,    // directory, begin; durable
    kLock,            // inode
    kRot,             // inode, offset, data: changed on the disk by nobody's wish
    kMark,            // size: the test's value
  };

  Kind kind = Kind::kMark;
  SimImage::Type type = SimImage::Type::kNone;
  bool durable = false;
  SimInode inode = 0;
  SimInode directory = 0;
  std::size_t begin = 0;  // index of the event that this one ends
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::shared_ptr<const std::string> data = {};  // null: `size` zeros
  std::string name = {};
  std::string to = {};
};

using SimEvents = std::vector<SimEvent>;

/// Applies what the event does to names to `image`, whatever is there already.
void ApplyName(const SimEvent& event, SimImage& image);

/// The event as one line for a person.
std::string Describe(const SimEvent& event);

}  // namespace dr::inline v0
