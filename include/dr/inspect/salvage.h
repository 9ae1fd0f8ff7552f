// A new log (and, of a host's directory, a new host) with everything up to one operation, where the
// old one cannot be opened. An operator's explicit act: what is behind that operation is given up.
// The old directory is only read.
//
//   absl::StatusOr<dr::Salvage> salvage = dr::Salvage::Plan(*host, {4711});
//   show(salvage->plan().given_up);
//   absl::Status written = salvage->WriteTo("/var/lib/agent-new");
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/export.h"
#include "dr/inspect/stored_host.h"
#include "dr/repository/manifest.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// What a salvage would keep.
struct SalvagePlan {
  Lsn first = {};                                ///< of the operations
  Lsn to = {};                                   ///< their last; to < first: none
  std::vector<BackupManifest> checkpoints = {};  ///< oldest first; none includes one behind `to`
  std::vector<std::string> given_up = {};        ///< a line for a person each
};

/// Keeps hosts out of the log from the plan on, as a host that goes on would not know of the other
/// history. One thread at a time.
class DR_EXPORT Salvage {
 public:
  /// Only reads. `host` outlives the result. kUnavailable: a host is at work there.
  /// kInvalidArgument, naming the nearest that can be had: `to` cannot be reached, or is inside a
  /// batch; or the checkpoints are of another copy.
  static absl::StatusOr<Salvage> Plan(const StoredHost& host, Lsn to);
  /// `other` may then only be destroyed.
  Salvage(Salvage&& other) noexcept;
  ~Salvage();

  /// What Write would do.
  const SalvagePlan& plan() const;

  /// Writes what is planned as `path`.partial, reads it back as a whole, and gives it its name.
  /// kInvalidArgument: something is there. kUnknown: it is written, but whether its name will last
  /// is not known.
  absl::Status WriteTo(const std::string& path) const;

 private:
  struct Parts;
  explicit Salvage(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace dr::inline v0
