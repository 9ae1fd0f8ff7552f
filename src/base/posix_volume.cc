#include <sys/statfs.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/posix_directory.h"

namespace dr::inline v0 {
namespace {

struct VolumeRow {
  std::uint32_t magic;
  std::string_view type;
  bool survives_power_loss;
  bool is_network;
};

// Magic numbers as in linux/magic.h and statfs(2). FUSE stands for anything, so the worse is taken.
constexpr std::array kVolumes = {
    VolumeRow{0xEF53, "ext4", true, false},         VolumeRow{0x58465342, "xfs", true, false},
    VolumeRow{0x9123683E, "btrfs", true, false},    VolumeRow{0xF2F52010, "f2fs", true, false},
    VolumeRow{0x2FC12FC1, "zfs", true, false},      VolumeRow{0xCA451A4E, "bcachefs", true, false},
    VolumeRow{0x4D44, "vfat", true, false},         VolumeRow{0x2011BAB0, "exfat", true, false},
    VolumeRow{0x5346544E, "ntfs", true, false},     VolumeRow{0x7366746E, "ntfs3", true, false},
    VolumeRow{0x52654973, "reiserfs", true, false}, VolumeRow{0x3153464A, "jfs", true, false},
    VolumeRow{0xF15F, "ecryptfs", true, false},     VolumeRow{0x794C7630, "overlay", true, false},
    VolumeRow{0x01021994, "tmpfs", false, false},   VolumeRow{0x858458F6, "ramfs", false, false},
    VolumeRow{0x6969, "nfs", true, true},           VolumeRow{0x517B, "smb", true, true},
    VolumeRow{0xFF534D42, "cifs", true, true},      VolumeRow{0xFE534D42, "smb2", true, true},
    VolumeRow{0x01021997, "9p", true, true},        VolumeRow{0x00C36400, "ceph", true, true},
    VolumeRow{0x0BD00BD0, "lustre", true, true},    VolumeRow{0x01161970, "gfs2", true, true},
    VolumeRow{0x7461636F, "ocfs2", true, true},     VolumeRow{0x5346414F, "afs", true, true},
    VolumeRow{0x65735546, "fuse", false, true},
};
constexpr std::uint32_t kOverlayMagic = 0x794C7630;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::unique_ptr<std::FILE, CloseFile> OpenMountTable() {
  FileDescriptor fd(open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return nullptr;
  std::unique_ptr<std::FILE, CloseFile> table(fdopen(fd.get(), "r"));
  if (table) fd.Release();
  return table;
}

// An overlay mounted "volatile" answers every sync at once and does nothing. Only the mount table
// says so, newer kernels by "fsync=volatile"; where it cannot be read the mount is taken for an
// ordinary one.
bool IsVolatileMount(int fd) {
  struct statx info {};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &info) != 0) return false;
  const std::unique_ptr<std::FILE, CloseFile> table = OpenMountTable();
  if (!table) return false;
  const std::string prefix = fmt::format("{} ", info.stx_mnt_id);
  std::string line;
  for (int c = std::fgetc(table.get()); c != EOF; c = std::fgetc(table.get())) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    if (line.starts_with(prefix)) {
      const std::string options = fmt::format(",{},", line.substr(line.rfind(' ') + 1));
      return options.find(",volatile,") != options.npos ||
             options.find(",fsync=volatile,") != options.npos;
    }
    line.clear();
  }
  return false;
}

}  // namespace

absl::StatusOr<VolumeInfo> PosixVolume(int fd, std::string_view place) {
  struct statfs info {};
  if (Uninterrupted([&] { return fstatfs(fd, &info); }) != 0) {
    return MakeIoFault("statfs", place, errno);
  }
  const auto magic = static_cast<std::uint32_t>(info.f_type);
  VolumeInfo volume{.type = fmt::format("{:#x}", magic),
                    .survives_power_loss = true,
                    .is_network = false,
                    .free_bytes = info.f_bavail * static_cast<std::uint64_t>(info.f_bsize),
                    .total_bytes = info.f_blocks * static_cast<std::uint64_t>(info.f_bsize)};
  if (info.f_files > 0) volume.free_files = info.f_ffree;  // btrfs and others make them as needed
  for (const VolumeRow& row : kVolumes) {
    if (row.magic != magic) continue;
    volume.type = row.type;
    volume.survives_power_loss = row.survives_power_loss;
    volume.is_network = row.is_network;
  }
  if (magic == kOverlayMagic && IsVolatileMount(fd)) {
    volume.type = "overlay-volatile";
    volume.survives_power_loss = false;
  }
  return volume;
}

}  // namespace dr::inline v0
