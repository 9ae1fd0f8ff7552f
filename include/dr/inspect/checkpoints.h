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
  kManifests,  ///< what names the objects
  kRecords,    ///< every object and record too
};

/// One checkpoint of a list.
struct ListedCheckpoint {
  RepositoryEntry entry;                  ///< its number and its manifest
  absl::Status state = absl::OkStatus();  ///< kDataLoss names what is damaged
};

/// All checkpoints of a host.
struct CheckpointList {
  std::vector<ListedCheckpoint> all = {};  ///< newest first
  absl::Status damage = absl::OkStatus();  ///< the first
};

/// The state of one component in a checkpoint.
struct CheckedSnapshot {
  ComponentSnapshot snapshot;             ///< as the manifest names it
  absl::Status state = absl::OkStatus();  ///< kDataLoss names what is damaged
};

/// What one checkpoint holds.
struct CheckpointContents {
  BackupManifest manifest = {};                  ///< what it says of itself
  std::vector<CheckedSnapshot> components = {};  ///< in the order of the manifest
  absl::Status damage = absl::OkStatus();        ///< the first
};

/// All checkpoints. Damage is part of the result. kInvalidArgument: `host` is a folder of segments.
DR_EXPORT absl::StatusOr<CheckpointList> ListCheckpoints(const StoredHost& host, ReadDepth depth);

/// One of them, by its number; the newest without one. kNotFound: there is none such. kDataLoss:
/// its manifest is damaged; damage of its components is part of the result.
DR_EXPORT absl::StatusOr<CheckpointContents> ShowCheckpoint(const StoredHost& host,
                                                            std::optional<std::uint64_t> sequence,
                                                            ReadDepth depth);

}  // namespace dr::inline v0
