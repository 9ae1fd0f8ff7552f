// Who writes in a repository from here on: an entry of its sequence, never deleted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dr/log/segment_prefix.h"
#include "dr/repository/manifest.h"

namespace dr::inline v0 {

/// From where on operations have an epoch.
struct EpochRun {
  Epoch epoch = {};
  Lsn first_lsn = {};
  friend bool operator==(const EpochRun&, const EpochRun&) = default;
};

/// Where a fork begins.
struct ForkParent {
  std::string name = {};   ///< of the repository
  LogId lineage = {};      ///< its own
  EntryRef manifest = {};  ///< that the fork goes on from, and holds there
  friend bool operator==(const ForkParent&, const ForkParent&) = default;
};

struct Claim {
  /// Lineage, number, salt, epoch, position and history, the entry before, time.
  SegmentPrefix prefix = {.kind = SegmentKind::kClaim};
  EntryRef before = {};                             ///< the claim before
  EntryRef manifest = {};                           ///< the newest one that it knows
  std::string host = {};                            ///< for people
  std::optional<ForkParent> parent = {};            ///< only of a fork's first
  bool closing = false;                             ///< nobody goes on behind it
  std::vector<EpochRun> runs = {};                  ///< of what the sequence holds, ascending
  std::vector<std::string> required_features = {};  ///< a reader that lacks one must not go on
  friend bool operator==(const Claim&, const Claim&) = default;
};

inline constexpr std::size_t kMaxClaimRuns = 4096;

/// kInvalidArgument if it breaks a rule of FORMAT.md.
absl::StatusOr<std::string> EncodeClaim(Claim claim);
/// Strict, as DecodeManifest.
absl::StatusOr<Claim> DecodeClaim(std::string_view bytes, std::string_view place);

}  // namespace dr::inline v0
