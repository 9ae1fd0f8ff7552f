// Whether overwriting needs new space. The log is written into space that it has prepared, so that
// a group cannot fail for want of it; a file system that copies on write takes new space all the
// same.

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "dr/status.h"
#include "src/base/posix_directory.h"

namespace dr::inline v0 {
namespace {

constexpr std::uint32_t kZfsMagic = 0x2FC12FC1, kBcachefsMagic = 0xCA451A4E;

absl::StatusOr<std::uint32_t> MagicOf(int fd, std::string_view place) {
  struct statfs info {};
  if (Uninterrupted([&] { return fstatfs(fd, &info); }) != 0) {
    return MakeIoFault("statfs", place, errno);
  }
  return static_cast<std::uint32_t>(info.f_type);
}

bool HasNoCow(int fd) {
  int flags = 0;
  return ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_NOCOW_FL) != 0;
}

// A file system that cannot tell has nothing to share.
bool SharesExtents(int fd) {
  constexpr std::uint32_t kExtents = 32;
  alignas(fiemap) std::array<char, sizeof(fiemap) + kExtents * sizeof(fiemap_extent)> memory;
  for (std::uint64_t from = 0;;) {
    memory = {};
    auto* const found = reinterpret_cast<fiemap*>(memory.data());
    found->fm_start = from;
    found->fm_length = FIEMAP_MAX_OFFSET - from;
    found->fm_extent_count = kExtents;
    if (ioctl(fd, FS_IOC_FIEMAP, found) != 0 || found->fm_mapped_extents == 0) return false;
    for (std::uint32_t i = 0; i < found->fm_mapped_extents; ++i) {
      const fiemap_extent& extent = found->fm_extents[i];
      if ((extent.fe_flags & FIEMAP_EXTENT_SHARED) != 0) return true;
      if ((extent.fe_flags & FIEMAP_EXTENT_LAST) != 0) return false;
      from = extent.fe_logical + extent.fe_length;
    }
  }
}

}  // namespace

absl::StatusOr<bool> PosixOverwriteInPlace(int directory, std::string_view place) {
  const absl::StatusOr<std::uint32_t> magic = MagicOf(directory, place);
  if (!magic.ok()) return magic.status();
  if (*magic == kZfsMagic || *magic == kBcachefsMagic) return false;
  if (*magic != BTRFS_SUPER_MAGIC || HasNoCow(directory)) return true;
  int flags = 0;
  if (ioctl(directory, FS_IOC_GETFLAGS, &flags) != 0) return false;
  flags |= FS_NOCOW_FL;
  return ioctl(directory, FS_IOC_SETFLAGS, &flags) == 0 && HasNoCow(directory);
}

absl::StatusOr<bool> PosixIsInPlace(int file, std::string_view place) {
  const absl::StatusOr<std::uint32_t> magic = MagicOf(file, place);
  if (!magic.ok()) return magic.status();
  if (*magic == kZfsMagic || *magic == kBcachefsMagic) return false;
  if (*magic == BTRFS_SUPER_MAGIC && !HasNoCow(file)) return false;
  return !SharesExtents(file);
}

}  // namespace dr::inline v0
