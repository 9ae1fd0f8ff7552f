// A host as it is stored: its log and its checkpoints, read in place by the rest of dr/inspect/.
// Nothing is created, locked or changed, so a host may be at work in the directory meanwhile. What
// it changes is read again, and is taken for damage only if it is found twice alike.
//
//   absl::StatusOr<dr::StoredHost> host = dr::StoredHost::Open("/var/lib/agent");
//   absl::StatusOr<dr::LogCheck> check = dr::VerifyLog(*host);          // dr/inspect/log_check.h
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dr/clock.h"
#include "dr/environment/file_system.h"
#include "dr/environment/random.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// What looking at things needs from outside. Null: the machine's. All outlive what was opened.
struct InspectEnvironment {
  FileSystem* files = nullptr;   ///< where the directory is
  const Clock* clock = nullptr;  ///< for times and durations
  Random* random = nullptr;      ///< for identities of what is written
};

/// One thread at a time; several may have one directory open.
class DR_EXPORT StoredHost {
 public:
  /// `path` is what HostOptions::directory names, or a folder of log segments alone, which has no
  /// checkpoints. kNotFound: it is neither. kDataLoss: CURRENT is damaged, or what it names is
  /// gone.
  static absl::StatusOr<StoredHost> Open(const std::string& path,
                                         const InspectEnvironment& environment = {});
  /// `other` may then only be destroyed.
  StoredHost(StoredHost&& other) noexcept;
  ~StoredHost();

  /// As it was given to Open.
  const std::string& path() const;
  /// The generation that counts. Empty: it is a folder of segments.
  const std::string& generation() const;

  struct Parts;
  const Parts& parts() const { return *parts_; }  ///< for dr's own sources

 private:
  explicit StoredHost(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace dr::inline v0
