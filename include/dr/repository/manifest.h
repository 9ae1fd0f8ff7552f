// The list of what belongs together: for each component a snapshot and the position it includes.
//
//   absl::StatusOr<std::string> bytes = dr::EncodeManifest(manifest);       // what to store
//   absl::StatusOr<dr::BackupManifest> again = dr::DecodeManifest(*bytes, "manifest-7");
//
// A manifest is stored as a kManifest segment with one record, whose body is Protobuf
// (src/format/repository.proto); what is common to all entries of a repository is in its prefix.
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

/// An entry of a repository's sequence, and which one it was.
struct EntryRef {
  std::uint64_t number = 0;  ///< 0: none
  Sha256 hash = {};          ///< of its bytes as stored
  friend bool operator==(const EntryRef&, const EntryRef&) = default;
};

/// Where a piece of state is stored: one segment of kind kState.
struct ObjectRef {
  std::string name = {};    ///< its key in the repository's store
  std::uint64_t bytes = 0;  ///< how long it is
  Sha256 hash = {};         ///< of all its bytes
  friend bool operator==(const ObjectRef&, const ObjectRef&) = default;
};

/// The state of one component. Its records are those of its objects, in their order here.
struct ComponentSnapshot {
  std::string component = {};           ///< the id
  Schema schema = {};                   ///< of the records
  Lsn as_of = {};                       ///< includes every operation up to here and none after it
  Digest digest = {};                   ///< of the records
  std::uint64_t records = 0;            ///< how many
  std::uint64_t bytes = 0;              ///< of the records
  std::vector<ObjectRef> objects = {};  ///< none: the state has no records
  friend bool operator==(const ComponentSnapshot&, const ComponentSnapshot&) = default;
};

/// What belongs together: the state of all components, and where the log goes on behind it.
struct BackupManifest {
  std::uint64_t sequence = 1;  ///< 1, 2, 3 …
  LogId log = {};              ///< that goes on behind `as_of`; of a repository, its lineage
  std::uint64_t salt = 0;      ///< random, so that no two are equal
  Epoch epoch = {};            ///< in which it was written
  Lsn as_of = {};              ///< the cut: every component includes at least this
  Lsn durable_lsn = {};  ///< evidence: synced when this was written; no component is ahead of it
  Digest history = {};   ///< of the log up to `durable_lsn`; zero: not known
  SegmentEnd previous = {};  ///< the entry before; number 0: none, or unreadable
  EntryRef before = {};      ///< the manifest before, as far as it could be read
  EntryRef claim = {};       ///< under which it was written; number 0: by a directory's host
  absl::Time created = absl::UnixEpoch();    ///< by the wall clock
  absl::Time last_time = absl::UnixEpoch();  ///< of the last operation in it, where no log tells
  std::vector<std::string> required_features = {};  ///< a reader that lacks one must not go on
  std::vector<ComponentSnapshot> components = {};   ///< one for each that has state
  friend bool operator==(const BackupManifest&, const BackupManifest&) = default;
};

inline constexpr std::size_t kMaxManifestComponents = 1 << 20;  ///< in one manifest
inline constexpr std::size_t kMaxManifestObjects = 1 << 20;     ///< of all components together
inline constexpr std::size_t kMaxManifestFeatures = 64;         ///< in one manifest
inline constexpr std::size_t kMaxObjectNameBytes = 512;         ///< of ObjectRef::name

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
