// The list of what belongs together: for each component a snapshot and the position it includes.
//
//   absl::StatusOr<std::string> bytes = dr::EncodeManifest(manifest);       // what to store
//   absl::StatusOr<dr::BackupManifest> again = dr::DecodeManifest(*bytes, "manifest-7");
//   next.previous_hash = dr::HashOf(*bytes);                                // chains the next one
//
// A manifest is stored as a kManifest segment with one record, whose body is Protobuf
// (src/format/repository.proto).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dr/digest.h"
#include "dr/export.h"
#include "dr/log/segment.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// Where a piece of state is stored: one segment of kind kState.
struct ChunkRef {
  std::string key = {};     ///< in the repository's store
  std::uint64_t bytes = 0;  ///< as stored
  std::uint64_t hash = 0;   ///< HashOf what is stored
  friend bool operator==(const ChunkRef&, const ChunkRef&) = default;
};

/// The state of one component. Its records are those of its chunks, in their order here.
struct ComponentSnapshot {
  std::string component = {};         ///< the id
  Schema schema = {};                 ///< of the records
  Lsn as_of = {};                     ///< includes every operation up to here and none after it
  Digest digest = {};                 ///< of the records
  std::uint64_t records = 0;          ///< how many
  std::uint64_t bytes = 0;            ///< of the records
  std::vector<ChunkRef> chunks = {};  ///< none: the state has no records
  friend bool operator==(const ComponentSnapshot&, const ComponentSnapshot&) = default;
};

/// What belongs together: the state of all components, and where the log goes on behind it.
struct BackupManifest {
  std::uint64_t sequence = 1;  ///< 1, 2, 3 …
  LogId log = {};              ///< that goes on behind `as_of`
  Epoch epoch = {};            ///< in which it was written
  Lsn as_of = {};              ///< the cut: every component includes at least this
  Lsn durable_lsn = {};  ///< evidence: synced when this was written; no component is ahead of it
  Digest history = {};   ///< of the log up to `durable_lsn`; zero: not known
  std::uint64_t previous_hash =
      0;  ///< HashOf the manifest before, as stored; 0: none, or unreadable
  absl::Time created = absl::UnixEpoch();           ///< by the wall clock
  std::vector<std::string> required_features = {};  ///< a reader that lacks one must not go on
  std::vector<ComponentSnapshot> components = {};   ///< one for each that has state
  friend bool operator==(const BackupManifest&, const BackupManifest&) = default;
};

inline constexpr std::size_t kMaxManifestComponents = 1 << 20;  ///< in one manifest
inline constexpr std::size_t kMaxManifestChunks = 1 << 20;      ///< of all components together
inline constexpr std::size_t kMaxManifestFeatures = 64;         ///< in one manifest
inline constexpr std::size_t kMaxChunkKeyBytes = 1024;          ///< of ChunkRef::key

/// The same manifest gives the same bytes, whatever the order of its components and features.
/// kInvalidArgument if it breaks a rule above, names a component or feature twice, or exceeds a
/// limit (among them kMaxPayloadBytes for the whole body).
DR_EXPORT absl::StatusOr<std::string> EncodeManifest(BackupManifest manifest);

/// Strict: kDataLoss for damage and for whatever EncodeManifest refuses; kUnimplemented, naming it,
/// for a version or required feature that is not known here. What a newer version added is skipped
/// where that version's min_reader_version allows this one to read it.
DR_EXPORT absl::StatusOr<BackupManifest> DecodeManifest(std::string_view bytes,
                                                        std::string_view place);

}  // namespace dr::inline v0
