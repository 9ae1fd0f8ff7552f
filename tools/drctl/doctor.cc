// doctor: what the place a host lives in can and cannot promise.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include "dr/segment.h"
#include "dr/status.h"
#include "dr/version.h"
#include "src/base/printable.h"
#include "src/base/status_macros.h"
#include "src/log/segment_files.h"
#include "src/runtime/generation.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

constexpr int kWrites = 20;
constexpr std::uint64_t kFilesMin = 256;
constexpr std::uint64_t kFreeMin = 256 << 20;

struct Probe {
  bool direct = false;
  double durable_write_us = 0;  ///< the median
};

absl::StatusOr<double> MedianWrite(Machine& machine, dr::File& file, bool direct) {
  dr::AlignedBuffer block(dr::kBlockBytes);
  std::vector<double> microseconds;
  // As the log does it: space that was written and synced before is overwritten.
  DR_RETURN_IF_ERROR(file.WriteAt(0, {block.data(), block.size()}));
  DR_RETURN_IF_ERROR(file.Sync());
  for (int i = 0; i < kWrites; ++i) {
    const dr::Instant begin = machine.clock.Now();
    DR_RETURN_IF_ERROR(file.WriteAt(0, {block.data(), block.size()}));
    if (!direct) DR_RETURN_IF_ERROR(file.Sync());
    microseconds.push_back(
        std::chrono::duration<double, std::micro>(machine.clock.Now() - begin).count());
  }
  std::sort(microseconds.begin(), microseconds.end());
  return microseconds[kWrites / 2];
}

// The file has no name any more when it is written: nothing stays, whatever happens.
absl::StatusOr<double> MeasureIn(Machine& machine, dr::Directory& directory, dr::WritePath path) {
  const std::string name = fmt::format("drctl-{}.tmp", getpid());
  auto file = directory.Open(name, {.access = dr::Access::kWrite,
                                    .create = dr::Create::kExclusive,
                                    .path = path});
  if (!absl::IsAlreadyExists(file.status())) {
    const absl::Status removed = directory.Remove(name);
    if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  }
  DR_RETURN_IF_ERROR(file.status());
  return MedianWrite(machine, **file, path == dr::WritePath::kDirect);
}

absl::StatusOr<Probe> Measure(Machine& machine, dr::Directory& directory) {
  absl::StatusOr<double> direct = MeasureIn(machine, directory, dr::WritePath::kDirect);
  if (direct.ok()) return Probe{true, *direct};
  if (!absl::IsUnimplemented(direct.status()) && !absl::IsInvalidArgument(direct.status())) {
    return direct.status();
  }
  DR_ASSIGN_OR_RETURN(double buffered, MeasureIn(machine, directory, dr::WritePath::kBuffered));
  return Probe{false, buffered};
}

struct Findings {
  std::vector<std::string> warnings;
  absl::Status error = absl::OkStatus();
};

void JudgeVolume(const dr::VolumeInfo& volume, Findings& findings) {
  std::vector<std::string>& warnings = findings.warnings;
  if (!volume.survives_power_loss) {
    warnings.push_back(fmt::format("{} does not survive a power cut: acknowledged operations are "
                                   "lost with the machine; use a file system on a disk",
                                   volume.type));
  }
  if (volume.type == "overlay") {
    warnings.push_back("overlay is usually the layer of a container and goes with it; mount a "
                       "volume");
  }
  if (volume.is_network) {
    warnings.push_back(fmt::format("{} is, or may be, a network file system: its locks cannot be "
                                   "trusted; use a local one", volume.type));
  }
  if (volume.free_bytes < kFreeMin) {
    warnings.push_back(fmt::format("only {} bytes are free; the log prepares its space ahead",
                                   volume.free_bytes));
  }
}

absl::StatusOr<struct stat> Permissions(const std::string& path, Findings& findings) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return dr::MakeIoFault("stat", path, errno);
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    findings.warnings.push_back("others than its owner may enter the directory; chmod 700");
  }
  if (info.st_uid != geteuid()) {
    findings.warnings.push_back(fmt::format("the directory belongs to user {}, and this is user {}",
                                            info.st_uid, geteuid()));
  }
  return info;
}

std::uint64_t FileLimit(Findings& findings) {
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < kFilesMin) {
    findings.warnings.push_back(fmt::format("only {} files may be open at once; ulimit -n",
                                            limit.rlim_cur));
  }
  return limit.rlim_cur;
}

// An empty directory is fine: it is looked at before its first use.
std::string GenerationName(Machine& machine, const std::string& path, Findings& findings) {
  absl::StatusOr<dr::Generation> generation = dr::PeekGeneration(machine.files, path);
  if (generation.ok()) return generation->name;
  if (!absl::IsNotFound(generation.status())) findings.error = generation.status();
  return "";
}

}  // namespace

absl::Status Doctor(Machine& machine, const Arguments& arguments) {
  Findings findings;
  DR_ASSIGN_OR_RETURN(auto directory,
                      machine.files.OpenDirectory(arguments.directory, dr::Create::kNever));
  DR_ASSIGN_OR_RETURN(dr::VolumeInfo volume, directory->Volume());
  JudgeVolume(volume, findings);
  DR_ASSIGN_OR_RETURN(struct stat info, Permissions(arguments.directory, findings));
  const std::string generation = GenerationName(machine, arguments.directory, findings);
  absl::StatusOr<Probe> probe = Measure(machine, *directory);
  findings.error.Update(probe.status());
  const std::uint64_t files = FileLimit(findings);
  const std::string mode = fmt::format("{:04o}", info.st_mode & 07777);
  if (arguments.json) {
    JsonArray warnings;
    for (const std::string& warning : findings.warnings) warnings.Add(warning);
    JsonObject json;
    json.Add("library_version", dr::LibraryVersion())
        .Add("format_version", dr::kSegmentFormatVersion)
        .Add("generation", generation)
        .Add("file_system", volume.type)
        .Add("survives_power_loss", volume.survives_power_loss)
        .Add("network", volume.is_network)
        .Add("free_bytes", volume.free_bytes)
        .Add("mode", mode)
        .Add("owner", info.st_uid)
        .Add("open_files_max", files);
    if (probe.ok()) {
      json.Add("direct_writes", probe->direct).Add("durable_write_us", probe->durable_write_us);
    }
    json.Add("warnings", warnings);
    if (!findings.error.ok()) json.Add("error", JsonError(findings.error));
    fmt::print("{}\n", json.text());
    return findings.error;
  }
  fmt::print("dr {}, format {}\n", dr::LibraryVersion(), dr::kSegmentFormatVersion);
  fmt::print("host: {}\n", generation.empty() ? "none yet" : generation);
  fmt::print("file system: {}, {} bytes free\n", dr::Printable(volume.type), volume.free_bytes);
  fmt::print("permissions: {} of user {}\n", mode, info.st_uid);
  if (probe.ok()) {
    fmt::print("a durable write of 4 KiB: {}, {:.0f} us (median of {})\n",
               probe->direct ? "one direct write" : "a write and an fdatasync",
               probe->durable_write_us, kWrites);
  }
  fmt::print("open files: at most {}\n", files);
  for (const std::string& warning : findings.warnings) {
    fmt::print("{} {}\n", Bad("warning:"), dr::Printable(warning));
  }
  return findings.error;
}

}  // namespace drctl
