// Checkpoints on any store: snapshots as immutable objects, and a manifest that makes them count.
//
//   auto repository = *dr::Repository::Open(store, clock, random);
//   auto snapshot = repository->NewSnapshot("inventory", schema, as_of, epoch, context);
//   for (…) snapshot->Write(record);                         // objects go out as they fill
//   manifest.components.push_back(*snapshot->Finish());
//   repository->Publish(std::move(manifest), context);       // now it exists, as a whole
//
// Keys: `entry/<20 digits>` is the sequence, one manifest each; `data/<epoch>/<run>-<ordinal>` is
// the rest, under names that never come again. What no manifest names does not exist. The
// repository handles streams of records and knows no component.
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
  /// About how many bytes of records an object holds, at least 4 KiB; less where the store's values
  /// are smaller.
  std::size_t object_bytes = 4 << 20;
  /// Nothing outside keeps a second writer away. A writer claims the repository first, which ends
  /// the writing of the one that had it.
  bool shared = false;
  /// The life of everything that is put; none: for ever. A claim lives as long as what it names.
  std::optional<absl::Duration> ttl = {};
};

/// Writes the records of one component. Not thread-safe. A record may be longer than an object.
class DR_EXPORT SnapshotWriter : public StateWriter {
 public:
  /// Ends the snapshot; fails if a Write has failed. What was written counts once a published
  /// manifest holds the result.
  virtual absl::StatusOr<ComponentSnapshot> Finish() = 0;
};

/// One number of the sequence, as it was found.
struct RepositoryEntry {
  std::uint64_t sequence = 0;               ///< 1, 2, 3 …; the order of publication
  absl::StatusOr<BackupManifest> manifest;  ///< or why it cannot be read
};

/// One writer at a time (by a lock, or by `shared` and Claim) and any number of readers. Only const
/// calls are thread-safe.
class DR_EXPORT Repository {
 public:
  /// Store, clock and random outlive the repository.
  static absl::StatusOr<std::unique_ptr<Repository>> Open(StateAdapter& store, const Clock& clock,
                                                          Random& random,
                                                          RepositoryOptions options = {},
                                                          const Context& context = {});

  /// What the newest entry says; nullopt if there is none. If it cannot be read, the error is that
  /// of Entries.
  absl::StatusOr<std::optional<BackupManifest>> Newest(const Context& context) const;
  /// Whether another writer has published since this was opened, or since the last publication
  /// here. Two reads, as a rule. Ask before you believe damage while another may be publishing:
  /// what was read may have been pruned meanwhile, but never before there was something later.
  absl::StatusOr<bool> IsSurpassed(const Context& context) const;

  /// All entries, newest first, including those that cannot be read and those that are not what
  /// their successor follows (kDataLoss: incomplete if missing, auth_failed if different). What a
  /// writer prunes meanwhile is left out, and does not count as damaged.
  absl::StatusOr<std::vector<RepositoryEntry>> Entries(const Context& context) const;

  /// Writes state of `component` that includes all up to `as_of`; objects get names of `epoch`.
  /// They are garbage for Prune until a published manifest names them.
  std::unique_ptr<SnapshotWriter> NewSnapshot(std::string_view component, const Schema& schema,
                                              Lsn as_of, Epoch epoch, const Context& context);
  /// The records of a snapshot, in order. Reading fails with kDataLoss if an object is missing
  /// (incomplete) or is not the one that was written (auth_failed); the end is reported only when
  /// count and digest agree.
  absl::StatusOr<std::unique_ptr<StateReader>> OpenSnapshot(const ComponentSnapshot& snapshot,
                                                            const Context& context) const;

  /// Publishes what Newest has returned once more (an empty entry for nullopt), with its own number
  /// as its epoch, belonging to no log, and unlike any other claim. Returns it. From then on
  /// Publish fails for every other writer. Errors are those of Publish; on kAborted, open anew:
  /// something has been published.
  absl::StatusOr<BackupManifest> Claim(std::optional<BackupManifest> newest,
                                       const Context& context);

  /// Gives the manifest the next number and the hash of its predecessor, and creates that entry if
  /// it is absent; returns the manifest as published. kAborted: another writer has taken the
  /// number; open anew. kUnknown: it may be published, now or later; the next Publish or Prune
  /// settles that first.
  absl::StatusOr<BackupManifest> Publish(BackupManifest manifest, const Context& context);
  /// Settles what the last Publish left open, and returns what it has published; nullopt if nothing
  /// was open. Call it before building the next manifest on the last one. Errors are those of
  /// Publish.
  absl::StatusOr<std::optional<BackupManifest>> Settle(const Context& context);

  /// Keeps the newest `keep` entries (at least 1); deletes the older ones, then every object of an
  /// epoch up to `epoch` that no kept entry names, including those of unpublished snapshots: no
  /// snapshot of these epochs may be under way. So a writer that was replaced and does not know it
  /// takes nothing from its successor. In a shared repository some old numbers stay, without a
  /// value. Refuses (kDataLoss) while a kept entry cannot be read, because what it names is not
  /// known.
  absl::Status Prune(std::uint32_t keep, Epoch epoch, const Context& context);

 private:
  Repository(StateAdapter& store, const Clock& clock, Random& random, RepositoryOptions options,
             std::uint64_t run);
  /// The entry at the end.
  struct Tail {
    std::uint64_t sequence = 0;  ///< 0 if there is none
    SegmentEnd end = {};         ///< number 0 also if it cannot be read
    bool has_value = false;
  };
  static Tail TailOf(std::uint64_t sequence, const absl::StatusOr<Item>& item);
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
                                            const std::optional<Sha256>& expected,
                                            const Context& context) const;

  StateAdapter& store_;
  const Clock& clock_;
  Random& random_;
  RepositoryOptions options_;
  const std::uint64_t run_;    ///< random: of the names given here
  std::uint64_t ordinal_ = 0;  ///< of the last one
  Tail newest_;
  std::string pending_ = {};  ///< the next entry, while its put has no answer
  std::optional<absl::Duration> pending_ttl_ = {};
};

}  // namespace dr::inline v0
