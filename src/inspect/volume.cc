#include "dr/inspect/volume.h"

#include <cstdint>
#include <string>
#include <utility>

#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

constexpr std::uint64_t kFreeMin = 256 << 20;
constexpr std::uint64_t kFreeFilesMin = 1000;
constexpr const char* kUseADisk = "use a local file system on a disk";

/// Empty: what was synced here stays.
std::string WhyNotDurable(const VolumeInfo& volume) {
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

std::vector<Finding> JudgeVolume(const VolumeInfo& volume) {
  std::vector<Finding> findings;
  const auto warn = [&](std::string what, std::string next) {
    findings.push_back({Severity::kWarning, std::move(what), std::move(next)});
  };
  if (std::string why = WhyNotDurable(volume); !why.empty()) {
    findings.push_back({Severity::kUnsafe, std::move(why), kUseADisk});
  }
  if (volume.type == "overlay") {
    warn("overlay is usually the layer of a container and goes with it", "mount a volume");
  }
  if (volume.type.starts_with("0x")) {
    warn(fmt::format("a file system with the number {} is not known here", volume.type),
         "find out whether its syncs reach a disk");
  }
  if (volume.free_files < kFreeFilesMin) {
    warn(fmt::format("only {} more files can be made (inodes), and each checkpoint needs some",
                     volume.free_files),
         "remove files, or make a file system with more inodes");
  }
  if (volume.free_bytes < kFreeMin) {
    warn(fmt::format("only {} bytes are free, and the log, which prepares its space ahead, refuses "
                     "operations where it cannot",
                     volume.free_bytes),
         "make room");
  }
  return findings;
}

}  // namespace dr::inline v0
