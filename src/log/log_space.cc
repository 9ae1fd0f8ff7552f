#include "src/log/log_space.h"

#include <algorithm>
#include <utility>

#include "src/base/assert.h"

namespace dr::inline v0 {
namespace {

constexpr std::uint64_t kSlackBlocks = 64;  // prepared beyond what is promised, for seals
// Left alone: on a disk that is full the next opening needs them for a prefix, a HEAD and names.
constexpr std::uint64_t kOpeningBlocks = 3;

std::uint64_t Blocks(std::uint64_t bytes) { return (bytes + kBlockBytes - 1) / kBlockBytes; }

}  // namespace

void LogSpace::Release(std::size_t payload_bytes) {
  DR_ASSERT(large_bytes_ >= payload_bytes);
  large_bytes_ -= payload_bytes;
}

std::uint64_t LogSpace::Free(const PreparedSpace& space) {
  std::uint64_t free = space.live_blocks;
  free -= std::min(free, Blocks(space.open_bytes));
  free += space.spare_blocks;
  return free - std::min(free, kOpeningBlocks);
}

// Frames and group headers take less than a sixteenth more than the payloads.
std::uint64_t LogSpace::BlocksFor(std::size_t payload_bytes) {
  return payload_bytes == 0 ? 0 : Blocks(payload_bytes / 16 * 17) + 2;
}

std::uint64_t LogSpace::Reserved(const PreparedSpace& space) const {
  return BlocksFor(large_bytes_) + space.promised;
}

Lsn LogSpace::Limit(const PreparedSpace& space, Lsn staged, std::uint64_t capacity) const {
  const std::uint64_t large = BlocksFor(large_bytes_), free = Free(space);
  const std::uint64_t room = free > large ? free - large : 0;
  return {staged.value + std::min(room, capacity)};
}

bool LogSpace::WantsMore(const PreparedSpace& space, std::uint64_t capacity) const {
  return !HasFree(space, capacity + kSlackBlocks);
}

bool LogSpace::Learn(bool room) { return std::exchange(exhausted_, !room) == room; }

}  // namespace dr::inline v0
