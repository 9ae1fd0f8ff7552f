// What a host may open from, each with what is wrong with it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/export.h"
#include "dr/inspect/stored_host.h"
#include "dr/repository/manifest.h"
#include "dr/repository/repository.h"

namespace dr::inline v0 {

/// How much is read before something is called whole.
enum class ReadDepth : std::uint8_t {
  kManifests,  ///< what names the chunks
  kRecords,    ///< every chunk and record too
};

struct ListedCheckpoint {
  RepositoryEntry entry;
  absl::Status state = absl::OkStatus();  ///< kDataLoss names what is damaged
};

struct CheckpointList {
  std::vector<ListedCheckpoint> all = {};  ///< newest first
  absl::Status damage = absl::OkStatus();  ///< the first
};

struct CheckedSnapshot {
  ComponentSnapshot snapshot;
  absl::Status state = absl::OkStatus();
};

struct CheckpointContents {
  BackupManifest manifest = {};
  std::vector<CheckedSnapshot> components = {};
  absl::Status damage = absl::OkStatus();  ///< the first
};

/// All checkpoints. Damage is part of the result. kInvalidArgument: `host` is a folder of segments.
DR_EXPORT absl::StatusOr<CheckpointList> ListCheckpoints(const StoredHost& host, ReadDepth depth);

/// One of them, by its number; the newest without one. kNotFound: there is none such. kDataLoss:
/// its manifest is damaged; damage of its components is part of the result.
DR_EXPORT absl::StatusOr<CheckpointContents> ShowCheckpoint(const StoredHost& host,
                                                            std::optional<std::uint64_t> sequence,
                                                            ReadDepth depth);

}  // namespace dr::inline v0
