#include "dr/inspect/volume.h"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

namespace dr::test {
namespace {

constexpr std::uint64_t kPlenty = 1ULL << 40;

std::vector<Finding> Judge(std::string type, bool survives_power_loss, bool is_network,
                           std::uint64_t free_bytes = kPlenty) {
  return JudgeVolume({.type = std::move(type),
                      .survives_power_loss = survives_power_loss,
                      .is_network = is_network,
                      .free_bytes = free_bytes});
}

bool IsDurable(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    if (finding.severity == Severity::kUnsafe) return false;
  }
  return true;
}

bool Warns(const std::vector<Finding>& findings, std::string_view what) {
  for (const Finding& finding : findings) {
    if (finding.what.find(what) != std::string::npos) return !finding.next.empty();
  }
  return false;
}

TEST_CASE("A24: A disk's own file system is durable, without a warning") {
  for (const char* type : {"ext4", "xfs", "btrfs", "zfs"}) {
    CHECK(Judge(type, true, false).empty());
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
    const std::vector<Finding> findings = Judge(row.type, row.survives_power_loss, row.is_network);
    INFO(row.type);
    CHECK_FALSE(IsDurable(findings));
    CHECK(findings.size() == 1);
    CHECK(Warns(findings, row.reason));
  }
}

TEST_CASE("few inodes are warned of where the file system counts them (K33)") {
  VolumeInfo volume{
      .type = "ext4", .survives_power_loss = true, .is_network = false, .free_bytes = kPlenty};
  CHECK(JudgeVolume(volume).empty());
  volume.free_files = 17;
  CHECK(Warns(JudgeVolume(volume), "only 17 more files"));
}

TEST_CASE("A24: A container's layer and an unknown file system are durable with a warning") {
  CHECK(IsDurable(Judge("overlay", true, false)));
  CHECK(Warns(Judge("overlay", true, false), "the layer of a container"));
  CHECK(IsDurable(Judge("0x9fa0", true, false)));
  CHECK(Warns(Judge("0x9fa0", true, false), "0x9fa0"));
}

TEST_CASE("Little space is a warning, whatever the file system") {
  CHECK(Warns(Judge("xfs", true, false, 1000), "only 1000 bytes are free"));
  CHECK(IsDurable(Judge("xfs", true, false, 1000)));
}

}  // namespace
}  // namespace dr::test
