#include "tools/drctl/volume_verdict.h"

#include <catch2/catch.hpp>
#include <string>

namespace {

constexpr std::uint64_t kPlenty = 1ULL << 40;

drctl::VolumeVerdict Judge(std::string type, bool survives_power_loss, bool is_network,
                           std::uint64_t free_bytes = kPlenty) {
  return drctl::JudgeVolume({.type = std::move(type),
                             .survives_power_loss = survives_power_loss,
                             .is_network = is_network,
                             .free_bytes = free_bytes});
}

bool Warns(const drctl::VolumeVerdict& verdict, std::string_view what) {
  for (const std::string& warning : verdict.warnings) {
    if (warning.find(what) != warning.npos) return true;
  }
  return false;
}

TEST_CASE("A24: A disk's own file system is durable, without a warning") {
  for (const char* type : {"ext4", "xfs", "btrfs", "zfs"}) {
    const drctl::VolumeVerdict verdict = Judge(type, true, false);
    CHECK(verdict.durable);
    CHECK(verdict.warnings.empty());
  }
}

TEST_CASE("A24: What is not durable is named with the reason") {
  struct Row {
    const char* type;
    bool survives_power_loss, is_network;
    const char* reason;
  };
  for (const Row& row : {Row{"tmpfs", false, false, "tmpfs is memory"},
                         Row{"ramfs", false, false, "ramfs is memory"},
                         Row{"overlay-volatile", false, false, "does nothing"},
                         Row{"fuse", false, true, "FUSE stands for any program"},
                         Row{"nfs", true, true, "nfs is a network file system"},
                         Row{"smb2", true, true, "smb2 is a network file system"},
                         Row{"future", false, false, "future does not survive a power cut"}}) {
    const drctl::VolumeVerdict verdict = Judge(row.type, row.survives_power_loss, row.is_network);
    INFO(row.type);
    CHECK_FALSE(verdict.durable);
    CHECK(verdict.warnings.size() == 1);
    CHECK(Warns(verdict, row.reason));
  }
}

TEST_CASE("few inodes are warned of where the file system counts them (K33)") {
  dr::VolumeInfo volume{
      .type = "ext4", .survives_power_loss = true, .is_network = false, .free_bytes = kPlenty};
  CHECK(drctl::JudgeVolume(volume).warnings.empty());
  volume.free_files = 17;
  CHECK(Warns(drctl::JudgeVolume(volume), "only 17 more files"));
}

TEST_CASE("A24: A container's layer and an unknown file system are durable with a warning") {
  CHECK(Judge("overlay", true, false).durable);
  CHECK(Warns(Judge("overlay", true, false), "mount a volume"));
  CHECK(Judge("0x9fa0", true, false).durable);
  CHECK(Warns(Judge("0x9fa0", true, false), "0x9fa0"));
}

TEST_CASE("Little space is a warning, whatever the file system") {
  CHECK(Warns(Judge("xfs", true, false, 1000), "only 1000 bytes are free"));
  CHECK(Judge("xfs", true, false, 1000).durable);
}

}  // namespace
