// Checkpoints on any store: snapshots as immutable chunks, and a manifest that makes them count.
//
//   auto repository = *dr::Repository::Open(store, clock, random);
//   auto snapshot = repository->NewSnapshot("inventory", schema, as_of, epoch, context);
//   for (…) snapshot->Write(record);                         // chunks go out as they fill
//   manifest.components.push_back(*snapshot->Finish());
//   repository->Publish(std::move(manifest), context);       // now it exists, as a whole
//
// Keys: `entry/<20 digits>` the sequence, one manifest each; `chunk/<component>/<epoch>-<unique>`
// the rest. What no manifest names does not exist. Speaks of record streams only; knows no
// component.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/adapter/state_adapter.h"
#include "dr/clock.h"
#include "dr/environment/random.h"
#include "dr/export.h"
#include "dr/repository/manifest.h"
#include "dr/state_stream.h"

namespace dr::inline v0 {

/// What a repository is opened with.
struct RepositoryOptions {
  /// Of records, about, and at least 4 KiB; less where the store's values are smaller.
  std::size_t chunk_bytes = 4 << 20;
  /// Nothing outside keeps a second writer away. Who wants to write claims the repository first,
  /// which ends the writing of whoever had it.
  bool shared = false;
  /// Of everything that is put; none: for ever. A claim lives as long as what it names.
  std::optional<absl::Duration> ttl = {};
};

/// Writes the records of one component. Not thread-safe. A record may be longer than a chunk.
class DR_EXPORT SnapshotWriter : public StateWriter {
 public:
  /// Ends the snapshot; fails if a Write has failed. What was written counts once a published
  /// manifest has the result.
  virtual absl::StatusOr<ComponentSnapshot> Finish() = 0;
};

/// One number of the sequence, as it was found.
struct RepositoryEntry {
  std::uint64_t sequence = 0;               ///< 1, 2, 3 …; the order of publication
  absl::StatusOr<BackupManifest> manifest;  ///< or why it cannot be read
};

/// One writer at a time (a lock sees to it, or `shared` and Claim); any number of readers. Not
/// thread-safe where not const.
class DR_EXPORT Repository {
 public:
  /// Store, clock and random outlive the repository.
  static absl::StatusOr<std::unique_ptr<Repository>> Open(StateAdapter& store, const Clock& clock,
                                                          Random& random,
                                                          RepositoryOptions options = {},
                                                          const Context& context = {});

  /// What the newest entry says; nullopt: there is none. The last error of Entries if it cannot be
  /// read.
  absl::StatusOr<std::optional<BackupManifest>> Newest(const Context& context) const;
  /// Somebody has published since this was opened, or last published here. Two reads, as a rule. To
  /// be asked before damage is believed where somebody may be publishing: what was read may have
  /// been pruned meanwhile, but never before there was something later.
  absl::StatusOr<bool> IsSurpassed(const Context& context) const;

  /// All entries, newest first. The unreadable are among them, and those that are not what their
  /// successor follows (kDataLoss: missing is incomplete, other is auth_failed). Beside a writer
  /// what it prunes meanwhile is left out, not damaged.
  absl::StatusOr<std::vector<RepositoryEntry>> Entries(const Context& context) const;

  /// Writes state of `component` that includes all up to `as_of`; chunks get keys of `epoch`. They
  /// are garbage for Prune until a published manifest names them.
  std::unique_ptr<SnapshotWriter> NewSnapshot(std::string_view component, const Schema& schema,
                                              Lsn as_of, Epoch epoch, const Context& context);
  /// The records of a snapshot, in order. Reading fails with kDataLoss: a chunk is missing
  /// (incomplete) or not the one that was written (auth_failed); the end is reported only when
  /// count and digest agree.
  absl::StatusOr<std::unique_ptr<StateReader>> OpenSnapshot(const ComponentSnapshot& snapshot,
                                                            const Context& context) const;

  /// Publishes what Newest has returned again (an empty entry for nullopt), with its own number for
  /// an epoch, of no log, and unlike any other claim. Returns it. From then on Publish fails for
  /// every other. Errors are Publish's; kAborted: open anew, something has been published.
  absl::StatusOr<BackupManifest> Claim(std::optional<BackupManifest> newest,
                                       const Context& context);

  /// Gives the manifest the next number and the hash of its predecessor, and creates it if no one
  /// has; returns it as published. kAborted: somebody else has taken the number; open anew.
  /// kUnknown: it may be published, now or later; the next Publish or Prune settles that first.
  absl::StatusOr<BackupManifest> Publish(BackupManifest manifest, const Context& context);
  /// Settles what the last Publish left open, if anything: what it has published; nullopt where
  /// nothing was open. Who builds the next manifest on the last one asks before. Errors are
  /// Publish's.
  absl::StatusOr<std::optional<BackupManifest>> Settle(const Context& context);

  /// Keeps the newest `keep` (at least 1) entries; deletes the older ones, then every chunk of an
  /// epoch up to `epoch` that no kept entry names, those of unpublished snapshots among them: none
  /// of these epochs may be under way. So who writes and does not know that another has followed
  /// takes nothing from that. Of a shared repository some old numbers stay, without a value.
  /// Refuses (kDataLoss) while a kept entry is unreadable: what it names is not known.
  absl::Status Prune(std::uint32_t keep, Epoch epoch, const Context& context);

 private:
  Repository(StateAdapter& store, const Clock& clock, Random& random, RepositoryOptions options);
  struct Tail {
    std::uint64_t sequence = 0, hash = 0;
  };
  absl::StatusOr<Tail> FindTail(const Context& context) const;
  absl::StatusOr<bool> Exists(std::uint64_t sequence, const Context& context) const;
  absl::StatusOr<bool> LaterExists(std::uint64_t sequence, const Context& context) const;
  absl::Status CheckFollowsAll(std::uint64_t sequence, const Context& context) const;
  absl::StatusOr<std::string> PutPending(const Context& context);
  absl::StatusOr<BackupManifest> PublishFor(BackupManifest manifest,
                                            std::optional<absl::Duration> ttl,
                                            const Context& context);
  absl::Status Forget(std::uint64_t sequence, bool has_value, const Context& context);
  absl::StatusOr<RepositoryEntry> ReadEntry(std::uint64_t sequence,
                                            std::optional<std::uint64_t> expected_hash,
                                            const Context& context) const;

  StateAdapter& store_;
  const Clock& clock_;
  Random& random_;
  RepositoryOptions options_;
  std::uint64_t newest_ = 0;       ///< 0: there is none
  std::uint64_t newest_hash_ = 0;  ///< 0 also if it cannot be read
  std::string pending_ = {};       ///< the next entry, while its put has no answer
  std::optional<absl::Duration> pending_ttl_ = {};
};

}  // namespace dr::inline v0
