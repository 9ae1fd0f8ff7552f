#include "dr/inspect/stored_host.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/base/out_of_memory.h"
#include "src/directory/host_directory.h"
#include "src/inspect/stored_host_parts.h"
#include "src/log/segment_files.h"

namespace dr::inline v0 {
namespace {

absl::StatusOr<bool> IsWalFolder(Directory& directory) {
  DR_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, directory.List());
  return std::any_of(entries.begin(), entries.end(), [](const DirectoryEntry& entry) {
    return entry.name == kHeadName || ParseSegmentName(entry.name);
  });
}

absl::Status OpenWalFolder(StoredHost::Parts& parts) {
  DR_ASSIGN_OR_RETURN(parts.wal, parts.environment.files.OpenDirectory(parts.path, Create::kNever));
  DR_ASSIGN_OR_RETURN(const bool has_log, IsWalFolder(*parts.wal));
  if (has_log) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kMissing,
                    .place = parts.path,
                    .next = "name the directory that the host was opened with"},
                   "this is neither a host's directory nor a folder of log segments");
}

absl::Status OpenParts(StoredHost::Parts& parts) {
  const ResolvedEnvironment& environment = parts.environment;
  absl::StatusOr<HostDirectory> found = HostDirectory::OpenToRead(environment.files, parts.path);
  if (absl::IsNotFound(found.status())) return OpenWalFolder(parts);
  DR_RETURN_IF_ERROR(found.status());
  parts.generation = found->name;
  parts.wal = std::move(found->wal);
  DR_ASSIGN_OR_RETURN(
      parts.store,
      DirectoryStore::OpenToRead(std::move(found->store), environment.random, environment.clock));
  DR_ASSIGN_OR_RETURN(parts.repository,
                      Repository::Open(*parts.store, environment.clock, environment.random));
  return absl::OkStatus();
}

}  // namespace

ResolvedEnvironment Resolve(const InspectEnvironment& environment) {
  static PosixFileSystem files;
  static const SystemClock clock;
  static SystemRandom random;
  return {environment.files != nullptr ? *environment.files : files,
          environment.clock != nullptr ? *environment.clock : clock,
          environment.random != nullptr ? *environment.random : random};
}

StoredHost::StoredHost(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
StoredHost::StoredHost(StoredHost&& other) noexcept = default;
StoredHost::~StoredHost() = default;

absl::StatusOr<StoredHost> StoredHost::Open(const std::string& path,
                                            const InspectEnvironment& environment) {
  return WithinMemory([&]() -> absl::StatusOr<StoredHost> {
    auto parts = std::make_unique<Parts>(Parts{.environment = Resolve(environment), .path = path});
    DR_RETURN_IF_ERROR(OpenParts(*parts));
    return StoredHost(std::move(parts));
  });
}

const std::string& StoredHost::path() const { return parts_->path; }
const std::string& StoredHost::generation() const { return parts_->generation; }

}  // namespace dr::inline v0
