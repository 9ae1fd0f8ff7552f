// Opening: from what is on the disk to components that hold everything that was acknowledged.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "dr/log/wal.h"
#include "dr/repository/manifest.h"
#include "dr/repository/repository.h"
#include "src/component/component_set.h"

namespace dr::inline v0 {

/// What replay gave to components.
struct Replayed {
  std::uint64_t operations = 0;
  std::uint64_t bytes = 0;  ///< of their payloads
};

/// Whose state was found and is given up, and up to where it goes.
using RetiredComponents = std::map<std::string, Lsn>;

struct Recovered {
  std::optional<BackupManifest> manifest;  ///< what the components were loaded from
  std::unique_ptr<Wal> wal;
  Replayed replayed = {};
  RetiredComponents retired = {};
};

/// Of what LoadManifest has loaded.
RetiredComponents RetiredIn(const BackupManifest& manifest, const ComponentSet& components);

/// Loads all snapshots of one manifest. kDataLoss: one is damaged, and the components hold an
/// unspecified state.
absl::Status LoadManifest(Repository& repository, const BackupManifest& manifest,
                          const ComponentSet& components, const Context& context);

/// Loads the newest checkpoint that can be read whole, opens the log with what the checkpoints
/// prove, and replays. An older checkpoint is used only where the log still covers the difference,
/// and never without an event.
absl::StatusOr<Recovered> RecoverComponents(Repository& repository, Directory& wal_directory,
                                            WalOptions wal_options, const ComponentSet& components,
                                            Observer* observer, const Context& context);

}  // namespace dr::inline v0
