#include "tools/drctl/volume_verdict.h"

#include <cstdint>

#include "fmt/format.h"

namespace drctl {
namespace {

constexpr std::uint64_t kFreeMin = 256 << 20;
constexpr std::uint64_t kFreeFilesMin = 1000;

/// Empty: what was synced here stays.
std::string WhyNotDurable(const dr::VolumeInfo& volume) {
  if (volume.type == "tmpfs" || volume.type == "ramfs") {
    return fmt::format("{} is memory: a power cut takes everything that is in it", volume.type);
  }
  if (volume.type == "overlay-volatile") {
    return "this overlay is mounted volatile: every sync is answered at once and does nothing";
  }
  if (volume.type == "fuse") {
    return "FUSE stands for any program: whether it heeds syncs and locks is not known here";
  }
  if (volume.is_network) {
    return fmt::format(
        "{} is a network file system: its server decides what a sync means, and two "
        "hosts may both get the lock",
        volume.type);
  }
  if (volume.survives_power_loss) return "";
  return fmt::format("{} does not survive a power cut", volume.type);
}

}  // namespace

VolumeVerdict JudgeVolume(const dr::VolumeInfo& volume) {
  VolumeVerdict verdict;
  if (std::string why = WhyNotDurable(volume); !why.empty()) {
    verdict.durable = false;
    verdict.warnings.push_back(std::move(why));
  }
  if (volume.type == "overlay") {
    verdict.warnings.push_back(
        "overlay is usually the layer of a container and goes with it; "
        "mount a volume");
  }
  if (volume.type.starts_with("0x")) {
    verdict.warnings.push_back(
        fmt::format("a file system with the number {} is not known here: "
                    "find out whether its syncs reach a disk",
                    volume.type));
  }
  if (volume.free_files < kFreeFilesMin) {
    verdict.warnings.push_back(fmt::format(
        "only {} more files can be made (inodes); each checkpoint needs some", volume.free_files));
  }
  if (volume.free_bytes < kFreeMin) {
    verdict.warnings.push_back(
        fmt::format("only {} bytes are free; the log prepares its space "
                    "ahead and refuses operations where it cannot",
                    volume.free_bytes));
  }
  return verdict;
}

}  // namespace drctl
