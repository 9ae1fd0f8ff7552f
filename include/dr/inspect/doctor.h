// What the place that a host lives in, or shall live in, can promise.
//
//   absl::StatusOr<dr::Diagnosis> found = dr::Diagnose("/var/lib/agent");
//   if (found.ok() && !found->verdict.ok()) return dr::PrintError(found->verdict);
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"
#include "dr/export.h"
#include "dr/inspect/finding.h"
#include "dr/inspect/stored_host.h"
#include "dr/inspect/volume.h"

namespace dr::inline v0 {

/// What was found out about the place of a host.
struct Diagnosis {
  std::string generation = {};            ///< empty: there is no host yet
  VolumeInfo volume = {};                 ///< of the log, which may be a mount of its own
  DirectoryPermissions permissions = {};  ///< of the directory
  std::uint64_t open_files_max = 0;       ///< of this process
  std::optional<WriteCost> cost = {};     ///< nullopt: nothing could be written
  std::vector<Finding> findings = {};     ///< empty: nothing that a person should know
  bool durable = false;  ///< nothing that was found is unsafe; only believed with a cost
  /// kDataLoss: the directory is damaged. kUnimplemented: the place cannot promise what dr does.
  /// Otherwise why nothing could be written there.
  absl::Status verdict = absl::OkStatus();
};

/// Writes 4 KiB and small files, and removes them; a host may be at work there.
DR_EXPORT absl::StatusOr<Diagnosis> Diagnose(const std::string& directory,
                                             const InspectEnvironment& environment = {});

}  // namespace dr::inline v0
