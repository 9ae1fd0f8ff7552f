#include "dr/inspect/doctor.h"

#include <memory>
#include <string_view>
#include <utility>

#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/base/posix_process.h"
#include "src/directory/host_directory.h"
#include "src/inspect/doctor_findings.h"
#include "src/inspect/stored_host_parts.h"
#include "src/log/segment_files.h"
#include "src/store/exclusive_names.h"

namespace dr::inline v0 {
namespace {

void Add(std::vector<Finding> more, Diagnosis& found) {
  for (Finding& finding : more) found.findings.push_back(std::move(finding));
}
void Add(std::optional<Finding> finding, Diagnosis& found) {
  if (finding) found.findings.push_back(*std::move(finding));
}

// Folders of a host that are no files, and are meant so.
bool IsExpectedFolder(std::string_view name) {
  return name.starts_with("g-") || name == "lost+found";
}

absl::Status ExamineFiles(Directory& directory, std::string_view folder, Diagnosis& found) {
  DR_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, directory.List());
  for (const DirectoryEntry& entry : entries) {
    if (IsExpectedFolder(entry.name)) continue;
    std::optional<std::uint32_t> owner;
    if (entry.type == DirectoryEntry::Type::kFile) {
      if (const absl::StatusOr<FileInfo> info = directory.Info(entry.name); info.ok()) {
        owner = info->owner;
      }
    }
    Add(JudgeFile(fmt::format("{}{}", folder, entry.name), entry.type, owner,
                  found.permissions.owner),
        found);
  }
  return absl::OkStatus();
}

// As the host does it, in a folder that is gone afterwards: the file system gives attributes to
// folders, and what is here stays as it is.
absl::Status ExamineOverwriting(Directory& directory, Random& random, Diagnosis& found) {
  DR_ASSIGN_OR_RETURN(const std::uint64_t unique, random.Next());
  const std::string name = fmt::format("{}doctor-{:016x}", kTemporaryPrefix, unique);
  DR_ASSIGN_OR_RETURN(const auto folder, directory.OpenDirectory(name, Create::kExclusive));
  const absl::StatusOr<bool> in_place = folder->OverwriteInPlace();
  const absl::Status removed = directory.RemoveDirectory(name);
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  DR_RETURN_IF_ERROR(in_place.status());
  if (!*in_place) {
    found.findings.push_back({.what = std::string(kCopiesOnWrite), .next = "keep space free"});
  }
  return absl::OkStatus();
}

absl::Status ExamineVolume(const ResolvedEnvironment& environment, Directory& directory,
                           Diagnosis& found) {
  DR_ASSIGN_OR_RETURN(found.volume, directory.Volume());
  Add(JudgeVolume(found.volume), found);
  const absl::StatusOr<WriteCost> cost =
      MeasureWrites(directory, environment.clock, environment.random);
  if (!cost.ok()) {
    found.verdict.Update(cost.status());
    return absl::OkStatus();
  }
  found.cost = *cost;
  found.verdict.Update(ProbeExclusiveNames(directory));
  DR_RETURN_IF_ERROR(ExamineOverwriting(directory, environment.random, found));
  if (!cost->waits_for_device()) {
    found.findings.push_back(
        {.what = "a durable write costs about as much as any other: nothing here waits for a "
                 "device",
         .next = "find out whether its syncs reach a disk"});
  }
  return absl::OkStatus();
}

absl::StatusOr<Diagnosis> Examine(const ResolvedEnvironment& environment, const std::string& path) {
  Diagnosis found;
  DR_ASSIGN_OR_RETURN(auto directory, environment.files.OpenDirectory(path, Create::kNever));
  DR_ASSIGN_OR_RETURN(const ProcessFacts process, ReadProcessFacts());
  DR_ASSIGN_OR_RETURN(found.permissions, directory->Permissions());
  Add(JudgePermissions(found.permissions, process.user), found);
  absl::StatusOr<HostDirectory> generation = HostDirectory::OpenToRead(environment.files, path);
  if (generation.ok()) {
    found.generation = generation->name;
    DR_RETURN_IF_ERROR(ExamineFiles(*directory, "", found));
    DR_RETURN_IF_ERROR(ExamineFiles(*generation->wal, found.generation + "/wal/", found));
    directory = std::move(generation->wal);  // where the syncs are; it may be a mount of its own
  } else if (!absl::IsNotFound(generation.status())) {
    found.verdict = generation.status();
  }
  DR_RETURN_IF_ERROR(ExamineVolume(environment, *directory, found));
  found.open_files_max = process.open_files_max;
  Add(JudgeFileLimit(found.open_files_max), found);
  const absl::Status place = JudgePlace(found.findings, path);
  found.durable = place.ok();
  found.verdict.Update(place);
  return found;
}

}  // namespace

absl::StatusOr<Diagnosis> Diagnose(const std::string& directory,
                                   const InspectEnvironment& environment) {
  return WithinMemory([&] { return Examine(Resolve(environment), directory); });
}

}  // namespace dr::inline v0
