// doctor: what the place a host lives in can and cannot promise.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "dr/log/segment.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "dr/version.h"
#include "src/directory/host_directory.h"
#include "src/log/segment_files.h"
#include "src/store/exclusive_names.h"
#include "tools/drctl/verbs.h"
#include "tools/drctl/volume_verdict.h"
#include "tools/drctl/write_cost.h"

namespace drctl {
namespace {

constexpr std::uint64_t kOpenFilesMin = 256;

struct Diagnosis {
  std::string generation = {};  ///< empty: no host was here yet
  dr::VolumeInfo volume = {};
  bool durable = false;
  mode_t mode = 0;
  uid_t owner = 0;
  std::uint64_t open_files_max = 0;
  absl::StatusOr<WriteCost> cost = absl::UnknownError("");
  std::vector<std::string> warnings = {};
  absl::Status damage = absl::OkStatus();
  absl::Status names = absl::OkStatus();  ///< whether one of several can be given a name
};

absl::Status ExaminePermissions(const std::string& path, Diagnosis& found) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return dr::MakeIoFault("stat", path, errno);
  found.mode = info.st_mode & 07777;
  found.owner = info.st_uid;
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    found.warnings.push_back("others than its owner may enter the directory; chmod 700");
  }
  if (info.st_uid != geteuid()) {
    found.warnings.push_back(fmt::format("the directory belongs to user {}, and this is user {}",
                                         info.st_uid, geteuid()));
  }
  return absl::OkStatus();
}

absl::Status ExamineFileLimit(Diagnosis& found) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return dr::MakeIoFault("getrlimit", "", errno);
  found.open_files_max = limit.rlim_cur;
  if (limit.rlim_cur < kOpenFilesMin) {
    found.warnings.push_back(
        fmt::format("only {} files may be open at once; raise ulimit -n", limit.rlim_cur));
  }
  return absl::OkStatus();
}

// Folders of a host that are no files, and are meant so.
bool IsRoom(std::string_view name) { return name.starts_with("g-") || name == "lost+found"; }

absl::Status ExamineFiles(dr::Directory& directory, std::string_view folder, Diagnosis& found) {
  DR_ASSIGN_OR_RETURN(std::vector<dr::DirectoryEntry> entries, directory.List());
  for (const dr::DirectoryEntry& entry : entries) {
    if (IsRoom(entry.name)) continue;
    const std::string name = fmt::format("{}{}", folder, entry.name);
    if (entry.type != dr::DirectoryEntry::Type::kFile) {
      found.warnings.push_back(fmt::format("{} is no regular file; move it away", name));
      continue;
    }
    const absl::StatusOr<dr::FileInfo> info = directory.Info(entry.name);
    if (!info.ok() || info->owner == found.owner) continue;
    found.warnings.push_back(
        fmt::format("{} belongs to user {}, and the directory to user {}; give it to that one "
                    "(chown)",
                    name, info->owner, found.owner));
  }
  return absl::OkStatus();
}

// As the host does it, in a folder that is gone afterwards: the file system gives attributes to
// folders, and what is here stays as it is.
absl::Status ExamineOverwriting(dr::Directory& directory, Diagnosis& found) {
  const std::string name = fmt::format("{}drctl-{}", dr::kTemporaryPrefix, getpid());
  DR_ASSIGN_OR_RETURN(auto folder, directory.OpenDirectory(name, dr::Create::kExclusive));
  const absl::StatusOr<bool> in_place = folder->OverwriteInPlace();
  const absl::Status removed = directory.RemoveDirectory(name);
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  DR_RETURN_IF_ERROR(in_place.status());
  if (!*in_place) found.warnings.emplace_back(dr::kCopiesOnWrite);
  return absl::OkStatus();
}

absl::Status ExamineVolume(Machine& machine, dr::Directory& directory, Diagnosis& found) {
  DR_ASSIGN_OR_RETURN(found.volume, directory.Volume());
  VolumeVerdict verdict = JudgeVolume(found.volume);
  found.durable = verdict.durable;
  for (std::string& warning : verdict.warnings) found.warnings.push_back(std::move(warning));
  found.cost = MeasureWrites(directory, machine.clock, machine.random);
  if (found.cost.ok()) {
    found.names = dr::ProbeExclusiveNames(directory);
    DR_RETURN_IF_ERROR(ExamineOverwriting(directory, found));
  }
  if (found.cost.ok() && !found.cost->waits_for_device()) {
    found.warnings.push_back(
        "a durable write costs about as much as any other: nothing here waits "
        "for a device");
  }
  return absl::OkStatus();
}

absl::StatusOr<Diagnosis> Examine(Machine& machine, const std::string& path) {
  Diagnosis found;
  DR_ASSIGN_OR_RETURN(auto directory, machine.files.OpenDirectory(path, dr::Create::kNever));
  DR_RETURN_IF_ERROR(ExaminePermissions(path, found));
  absl::StatusOr<dr::HostDirectory> generation = dr::HostDirectory::OpenToRead(machine.files, path);
  if (generation.ok()) {
    found.generation = generation->name;
    DR_RETURN_IF_ERROR(ExamineFiles(*directory, "", found));
    DR_RETURN_IF_ERROR(ExamineFiles(*generation->wal, found.generation + "/wal/", found));
    directory = std::move(generation->wal);  // where the syncs are; it may be a mount of its own
  } else if (!absl::IsNotFound(generation.status())) {
    found.damage = generation.status();
  }
  DR_RETURN_IF_ERROR(ExamineVolume(machine, *directory, found));
  DR_RETURN_IF_ERROR(ExamineFileLimit(found));
  return found;
}

absl::Status Verdict(const Diagnosis& found, const std::string& path) {
  DR_RETURN_IF_ERROR(found.damage);
  DR_RETURN_IF_ERROR(found.cost.status());
  DR_RETURN_IF_ERROR(found.names);
  if (found.durable) return absl::OkStatus();
  return dr::MakeFault({.kind = dr::FaultKind::kUnsupported,
                        .place = path,
                        .next = "use a local file system on a disk (ext4, xfs, btrfs, zfs)"},
                       "what is acknowledged here may be lost in a power cut");
}

void PrintJson(const Diagnosis& found, const absl::Status& verdict) {
  JsonArray warnings;
  for (const std::string& warning : found.warnings) warnings.Add(warning);
  JsonObject json;
  json.Add("ok", verdict.ok())
      .Add("durable", found.durable)
      .Add("library_version", dr::LibraryVersion())
      .Add("format_version", dr::kSegmentFormatVersion)
      .Add("generation", found.generation)
      .Add("file_system", found.volume.type)
      .Add("survives_power_loss", found.volume.survives_power_loss)
      .Add("network", found.volume.is_network)
      .Add("free_bytes", found.volume.free_bytes)
      .Add("mode", fmt::format("{:04o}", found.mode))
      .Add("owner", found.owner)
      .Add("open_files_max", found.open_files_max);
  if (found.cost.ok()) {
    json.Add("direct_writes", found.cost->direct)
        .Add("durable_write_us", found.cost->durable_us)
        .Add("durable_write_us_max", found.cost->durable_us_max)
        .Add("plain_write_us", found.cost->plain_us);
  }
  json.Add("warnings", warnings);
  if (!verdict.ok()) json.Add("error", JsonError(verdict));
  fmt::print("{}\n", json.text());
}

std::string DurableText(const Diagnosis& found) {
  if (!found.durable) return Bad("no, this place cannot promise it");
  if (!found.cost.ok()) return Bad("not known, because nothing could be written");
  return Good("yes, as far as the file system goes");
}

void PrintText(const Diagnosis& found) {
  fmt::print("versions: dr {}, format {}\n", dr::LibraryVersion(), dr::kSegmentFormatVersion);
  fmt::print("host: {}\n", found.generation.empty() ? "none yet" : found.generation);
  fmt::print("file system: {}, {} bytes free\n", found.volume.type, found.volume.free_bytes);
  fmt::print("permissions: {:04o} of user {}\n", found.mode, found.owner);
  fmt::print("open files: at most {}\n", found.open_files_max);
  if (found.cost.ok()) {
    const WriteCost& cost = *found.cost;
    fmt::print("a write of 4 KiB: {:.0f} us; a durable one: {:.0f} us, at worst {:.0f} ({})\n",
               cost.plain_us, cost.durable_us, cost.durable_us_max,
               cost.direct ? "direct and synchronous" : "a write and a sync");
  }
  for (const std::string& warning : found.warnings) {
    fmt::print("{} {}\n", Bad("warning:"), warning);
  }
  fmt::print("durable: {}\n", DurableText(found));
}

}  // namespace

absl::Status Doctor(Machine& machine, const Arguments& arguments) {
  DR_ASSIGN_OR_RETURN(Diagnosis found, Examine(machine, arguments.directory));
  const absl::Status verdict = Verdict(found, arguments.directory);
  if (arguments.json) {
    PrintJson(found, verdict);
  } else {
    PrintText(found);
  }
  return verdict;
}

}  // namespace drctl
