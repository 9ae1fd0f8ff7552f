// Checkpoints on any store: snapshots as immutable chunks, and a manifest that makes them count.
//
//   auto repository = *dr::Repository::Open(store, clock, random);
//   auto snapshot = repository->NewSnapshot("inventory", schema, as_of, epoch, context);
//   for (…) snapshot->Write(record);                         // chunks go out as they fill
//   manifest.components.push_back(*snapshot->Finish());
//   repository->Publish(std::move(manifest), context);       // now it exists, as a whole
//
// Keys: `entry/<20 digits>` the sequence, one manifest each; `chunk/<component>/<unique>` the rest.
// What no manifest names does not exist. Speaks of record streams only; knows no component.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/clock.h"
#include "dr/export.h"
#include "dr/manifest.h"
#include "dr/random.h"
#include "dr/state_adapter.h"
#include "dr/state_stream.h"

namespace dr::inline v0 {

struct RepositoryOptions {
  /// Of records, about, and at least 4 KiB; less where the store's values are smaller.
  std::size_t chunk_bytes = 4 << 20;
};

/// Writes the records of one component. Not thread-safe. A record may be longer than a chunk.
class DR_EXPORT SnapshotWriter : public StateWriter {
 public:
  /// Ends the snapshot; fails if a Write has failed. What was written counts once a published
  /// manifest has the result.
  virtual absl::StatusOr<ComponentSnapshot> Finish() = 0;
};

struct RepositoryEntry {
  std::uint64_t sequence = 0;
  absl::StatusOr<BackupManifest> manifest;  ///< or why it cannot be read
};

/// One writer at a time (for a local repository the host's lock sees to it); any number of readers.
class DR_EXPORT Repository {
 public:
  /// Store, clock and random outlive the repository.
  static absl::StatusOr<std::unique_ptr<Repository>> Open(StateAdapter& store, const Clock& clock,
                                                          Random& random,
                                                          RepositoryOptions options = {},
                                                          const Context& context = {});

  /// All entries, newest first. The unreadable are among them, and those that are not what their
  /// successor follows (kDataLoss: missing is incomplete, other is auth_failed).
  absl::StatusOr<std::vector<RepositoryEntry>> Entries(const Context& context) const;

  std::unique_ptr<SnapshotWriter> NewSnapshot(std::string_view component, const Schema& schema,
                                              Lsn as_of, Epoch epoch, const Context& context);
  /// The records of a snapshot, in order. Reading fails with kDataLoss: a chunk is missing
  /// (incomplete) or not the one that was written (auth_failed); the end is reported only when
  /// count and digest agree.
  absl::StatusOr<std::unique_ptr<StateReader>> OpenSnapshot(const ComponentSnapshot& snapshot,
                                                            const Context& context) const;

  /// Gives the manifest the next number and the hash of its predecessor, and creates it if no one
  /// has; returns it as published. kAborted: somebody else has taken the number; open anew.
  /// kUnknown: it may be published, now or later; the next Publish or Prune settles that first.
  absl::StatusOr<BackupManifest> Publish(BackupManifest manifest, const Context& context);

  /// Keeps the newest `keep` (at least 1) entries; deletes the older ones, then every chunk that no
  /// kept entry names, those of unpublished snapshots among them: none may be under way. Refuses
  /// (kDataLoss) while a kept entry is unreadable: what it names is not known.
  absl::Status Prune(std::uint32_t keep, const Context& context);

 private:
  Repository(StateAdapter& store, const Clock& clock, Random& random, RepositoryOptions options);
  absl::Status FindNewest(const Context& context);
  absl::StatusOr<RepositoryEntry> ReadEntry(std::uint64_t sequence,
                                            std::optional<std::uint64_t> expected_hash,
                                            const Context& context) const;
  absl::Status Settle(const Context& context);

  StateAdapter& store_;
  const Clock& clock_;
  Random& random_;
  RepositoryOptions options_;
  std::uint64_t newest_ = 0;       ///< 0: there is none
  std::uint64_t newest_hash_ = 0;  ///< 0 also if it cannot be read
  std::string pending_ = {};       ///< the next entry, while its put has no answer
};

}  // namespace dr::inline v0
