#include "dr/inspect/checkpoints.h"

#include <memory>
#include <string_view>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/inspect/settled.h"
#include "src/inspect/snapshot_check.h"
#include "src/inspect/stored_host_parts.h"

namespace dr::inline v0 {
namespace {

absl::Status RefuseFolder(const StoredHost& host) {
  if (host.parts().repository != nullptr) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kInvalid,
                    .place = host.path(),
                    .next = "name the host's directory, not its log"},
                   "a folder of log segments has no checkpoints");
}

absl::StatusOr<CheckpointList> ListAll(const Repository& repository, ReadDepth depth) {
  DR_ASSIGN_OR_RETURN(std::vector<RepositoryEntry> entries, repository.Entries({}));
  CheckpointList list;
  for (RepositoryEntry& entry : entries) {
    absl::Status state = CheckEntry(repository, entry, depth);
    list.damage.Update(state);
    list.all.push_back({std::move(entry), std::move(state)});
  }
  return list;
}

absl::StatusOr<BackupManifest> FindManifest(const Repository& repository,
                                            std::optional<std::uint64_t> sequence) {
  DR_ASSIGN_OR_RETURN(std::vector<RepositoryEntry> entries, repository.Entries({}));
  for (RepositoryEntry& entry : entries) {
    if (!sequence || entry.sequence == *sequence) return std::move(entry.manifest);
  }
  return MakeFault(
      {.kind = FaultKind::kMissing, .next = "see `drctl checkpoint list`"},
      sequence ? fmt::format("there is no checkpoint {}", *sequence) : "there is no checkpoint");
}

absl::StatusOr<CheckpointContents> ShowOne(const Repository& repository,
                                           std::optional<std::uint64_t> sequence, ReadDepth depth) {
  CheckpointContents contents;
  DR_ASSIGN_OR_RETURN(contents.manifest, FindManifest(repository, sequence));
  for (const ComponentSnapshot& snapshot : contents.manifest.components) {
    absl::Status state = CheckSnapshot(repository, snapshot, depth);
    contents.damage.Update(state);
    contents.components.push_back({snapshot, std::move(state)});
  }
  return contents;
}

}  // namespace

absl::Status CheckSnapshot(const Repository& repository, const ComponentSnapshot& snapshot,
                           ReadDepth depth) {
  if (depth == ReadDepth::kManifests) return absl::OkStatus();
  DR_ASSIGN_OR_RETURN(const auto reader, repository.OpenSnapshot(snapshot, {}));
  for (;;) {
    DR_ASSIGN_OR_RETURN(const std::optional<std::string_view> record, reader->Next());
    if (!record) return absl::OkStatus();
  }
}

absl::Status CheckEntry(const Repository& repository, const RepositoryEntry& entry,
                        ReadDepth depth) {
  DR_RETURN_IF_ERROR(entry.manifest.status());
  for (const ComponentSnapshot& snapshot : entry.manifest->components) {
    DR_RETURN_IF_ERROR(CheckSnapshot(repository, snapshot, depth));
  }
  return absl::OkStatus();
}

absl::StatusOr<CheckpointList> ListCheckpoints(const StoredHost& host, ReadDepth depth) {
  return WithinMemory([&]() -> absl::StatusOr<CheckpointList> {
    DR_RETURN_IF_ERROR(RefuseFolder(host));
    return Settled([&] { return ListAll(*host.parts().repository, depth); }, kDamageOf);
  });
}

absl::StatusOr<CheckpointContents> ShowCheckpoint(const StoredHost& host,
                                                  std::optional<std::uint64_t> sequence,
                                                  ReadDepth depth) {
  return WithinMemory([&]() -> absl::StatusOr<CheckpointContents> {
    DR_RETURN_IF_ERROR(RefuseFolder(host));
    return Settled([&] { return ShowOne(*host.parts().repository, sequence, depth); }, kDamageOf);
  });
}

}  // namespace dr::inline v0
