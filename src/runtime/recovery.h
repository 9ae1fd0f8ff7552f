// Opening: from what is on the disk to components that hold everything that was acknowledged.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dr/manifest.h"
#include "dr/repository.h"
#include "dr/restore_registry.h"
#include "dr/wal.h"
#include "src/runtime/component_core.h"

namespace dr::inline v0 {

/// Components by id. It keeps what stands behind them if they are destroyed before their host.
using ComponentTable = std::map<std::string_view, std::shared_ptr<ComponentCore>>;

/// Checks ids and that each is given once, to one host in its life, and registers upgrades.
absl::StatusOr<ComponentTable> ClaimComponents(const std::vector<StatefulComponent*>& components,
                                               RestoreRegistry& upgrades);

/// What replay gave to components.
struct Replayed {
  std::uint64_t operations = 0;
  std::uint64_t bytes = 0;  ///< of their payloads
};

struct Recovered {
  std::optional<BackupManifest> manifest;  ///< what the components were loaded from
  std::unique_ptr<Wal> wal;
  Replayed replayed = {};
};

/// All snapshots of one manifest. kDataLoss: one is damaged, and the components hold an unspecified
/// state.
absl::Status LoadManifest(Repository& repository, const BackupManifest& manifest,
                          const ComponentTable& components, const RestoreRegistry& upgrades,
                          const std::vector<std::string>& retired, const Context& context);

/// Loads the newest checkpoint that can be read whole, opens the log with what the checkpoints
/// prove, and replays. An older checkpoint is used only where the log still covers the difference,
/// and never without an event.
absl::StatusOr<Recovered> RecoverComponents(Repository& repository, Directory& wal_directory,
                                            WalOptions wal_options,
                                            const ComponentTable& components,
                                            const RestoreRegistry& upgrades,
                                            const std::vector<std::string>& retired,
                                            Observer* observer, const Context& context);

/// Gives one record of the log to its component, if that lacks it. False: nobody needed it.
absl::StatusOr<bool> ReplayRecord(const RecordView& record, const ComponentTable& components,
                                  const RestoreRegistry& upgrades,
                                  const std::vector<std::string>& retired);
/// All that the reader has, within the context.
absl::StatusOr<Replayed> ReplayLog(WalReader& reader, const ComponentTable& components,
                                   const RestoreRegistry& upgrades,
                                   const std::vector<std::string>& retired, const Clock& clock,
                                   const Context& context);

}  // namespace dr::inline v0
