// What a repository keeps: the one value of it that is replaced, by version.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dr/digest.h"
#include "dr/log/segment_prefix.h"
#include "src/format/claim.h"

namespace dr::inline v0 {

/// What was found out about a backup.
struct Proof {
  enum class Level : std::uint8_t {
    kNone = 0,      ///< nothing
    kComplete = 1,  ///< all that it names is there
    kBytes = 2,     ///< and every byte of it is as it was written
    kRestored = 3,  ///< it was restored
    kReplayed = 4,  ///< and its components loaded and replayed what they found
  };
  Level level = Level::kNone;
  bool failed = false;  ///< the last attempt at this level
  absl::Time when = absl::UnixEpoch();
  absl::Duration lasted = {};
  friend bool operator==(const Proof&, const Proof&) = default;
};

/// A manifest that stays although it is below the floor, and why.
struct KeptManifest {
  EntryRef entry = {};
  absl::Time created = absl::UnixEpoch();
  Position position = {};               ///< of its cut
  std::vector<std::string> names = {};  ///< given by people
  std::vector<std::string> holds = {};  ///< by whom; one that is held loses nothing
  std::optional<Proof> proof = {};
  std::vector<std::string> dropped_components = {};  ///< by a retention of their own
  friend bool operator==(const KeptManifest&, const KeptManifest&) = default;
};

/// This repository is a copy: another host than its copier may not write here.
struct CopyOf {
  std::uint64_t salt = 0;   ///< of the other's first entry
  std::uint64_t up_to = 0;  ///< the other's entry up to which this one has all
  friend bool operator==(const CopyOf&, const CopyOf&) = default;
};

/// It was a copy, and went on by itself from here.
struct Parted {
  std::uint64_t salt = 0;    ///< of the other's first entry
  std::uint64_t number = 0;  ///< the other's last entry that this one has
  Lsn lsn = {};              ///< and the last operation of both
  Digest history = {};       ///< there
  friend bool operator==(const Parted&, const Parted&) = default;
};

struct Catalog {
  LogId lineage = {};
  std::uint64_t revision = 1;  ///< 1, 2, 3 …
  std::uint64_t nonce = 0;     ///< random, so that no two values are equal
  absl::Time changed = absl::UnixEpoch();
  std::uint64_t floor = 1;              ///< all entries from here on live
  std::uint64_t swept = 1;              ///< parts below are gone
  Sha256 ring = {};                     ///< of the first key; zero: not sealed
  std::vector<KeptManifest> kept = {};  ///< ascending, below the floor or with a reason
  std::vector<EntryRef> dropped = {};   ///< ascending; to be deleted
  std::optional<CopyOf> copy_of = {};
  std::optional<Parted> parted = {};
  std::string closed = {};                          ///< where it goes on; empty: here
  std::vector<std::string> required_features = {};  ///< a reader that lacks one must not go on
  friend bool operator==(const Catalog&, const Catalog&) = default;
};

inline constexpr std::size_t kMaxCatalogBytes = 256 << 10;  ///< as stored
inline constexpr std::size_t kMaxCatalogElements = 16 << 10;

/// kInvalidArgument if it breaks a rule of FORMAT.md; kResourceExhausted if it is too long.
absl::StatusOr<std::string> EncodeCatalog(Catalog catalog);
/// Strict, as DecodeManifest.
absl::StatusOr<Catalog> DecodeCatalog(std::string_view bytes, std::string_view place);

}  // namespace dr::inline v0
