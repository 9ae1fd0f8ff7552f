#include "dr/repository.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"
#include "src/repository/put_once.h"
#include "src/repository/snapshot.h"

namespace dr::inline v0 {
namespace {

constexpr std::string_view kEntryPrefix = "entry/";
constexpr std::uint64_t kMinValueBytes = 8 << 10;
constexpr std::size_t kMaxKeyUsed = 192;  // a chunk's, with the longest component id

std::string EntryKey(std::uint64_t sequence) {
  return fmt::format("{}{:020}", kEntryPrefix, sequence);
}

absl::StatusOr<std::vector<std::string>> ListAll(StateAdapter& store, std::string_view prefix,
                                                 const Context& context) {
  std::vector<std::string> keys;
  for (;;) {
    DR_ASSIGN_OR_RETURN(Page page, store.List(prefix, keys.empty() ? "" : keys.back(), context));
    for (ListEntry& entry : page.entries) keys.push_back(std::move(entry.key));
    if (!page.more) return keys;
  }
}

absl::StatusOr<std::vector<std::uint64_t>> ListEntries(StateAdapter& store,
                                                       const Context& context) {
  DR_ASSIGN_OR_RETURN(std::vector<std::string> keys, ListAll(store, kEntryPrefix, context));
  std::vector<std::uint64_t> sequences;
  for (const std::string& key : keys) {
    std::uint64_t sequence = 0;
    const char* end = key.data() + key.size();
    auto [stop, error] = std::from_chars(key.data() + kEntryPrefix.size(), end, sequence);
    if (error == std::errc() && stop == end && key == EntryKey(sequence)) {
      sequences.push_back(sequence);
    }
  }
  return sequences;
}

}  // namespace

Repository::Repository(StateAdapter& store, const Clock& clock, Random& random,
                       RepositoryOptions options)
    : store_(store), clock_(clock), random_(random), options_(options) {}

absl::StatusOr<std::unique_ptr<Repository>> Repository::Open(StateAdapter& store,
                                                             const Clock& clock, Random& random,
                                                             RepositoryOptions options,
                                                             const Context& context) {
  const Capabilities& can = store.capabilities();
  if (!can.if_absent || can.max_value_bytes < kMinValueBytes || can.max_key_bytes < kMaxKeyUsed) {
    return MakeFault({.kind = FaultKind::kUnsupported, .next = "use another store"},
                     fmt::format("a repository needs a store with conditional creation, values of "
                                 "{} bytes and keys of {}",
                                 kMinValueBytes, kMaxKeyUsed));
  }
  options.chunk_bytes =
      std::clamp<std::uint64_t>(options.chunk_bytes, kMinValueBytes / 2, can.max_value_bytes / 2);
  std::unique_ptr<Repository> repository(new Repository(store, clock, random, options));
  DR_RETURN_IF_ERROR(repository->FindNewest(context));
  return repository;
}

// A listing may be stale; it is where the search begins, not where it ends.
absl::Status Repository::FindNewest(const Context& context) {
  DR_ASSIGN_OR_RETURN(std::vector<std::uint64_t> sequences, ListEntries(store_, context));
  std::uint64_t candidate = sequences.empty() ? 1 : std::max<std::uint64_t>(sequences.back(), 1);
  for (;; ++candidate) {
    absl::StatusOr<Item> item = store_.Get(EntryKey(candidate), context);
    if (absl::IsNotFound(item.status())) return absl::OkStatus();
    // A damaged entry has its number all the same.
    if (!item.ok() && !absl::IsDataLoss(item.status())) return item.status();
    newest_ = candidate;
    newest_hash_ = item.ok() ? HashOf(item->value) : 0;
  }
}

absl::StatusOr<std::vector<RepositoryEntry>> Repository::Entries(const Context& context) const {
  DR_ASSIGN_OR_RETURN(std::vector<std::uint64_t> sequences, ListEntries(store_, context));
  std::set<std::uint64_t> known(sequences.begin(), sequences.end());
  // What the listing does not have yet, and the nearest end of every gap: numbers are dense.
  if (newest_ > 0) known.insert(newest_);
  for (std::uint64_t sequence : std::vector(known.begin(), known.end())) {
    if (sequence > *known.begin()) known.insert(sequence - 1);
  }
  std::vector<RepositoryEntry> entries;
  std::optional<std::uint64_t> expected_hash;  // as the successor names it
  for (auto sequence = known.rbegin(); sequence != known.rend(); ++sequence) {
    DR_ASSIGN_OR_RETURN(RepositoryEntry entry, ReadEntry(*sequence, expected_hash, context));
    expected_hash.reset();
    if (entry.manifest.ok() && entry.manifest->previous_hash != 0) {
      expected_hash = entry.manifest->previous_hash;
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

absl::StatusOr<RepositoryEntry> Repository::ReadEntry(std::uint64_t sequence,
                                                      std::optional<std::uint64_t> expected_hash,
                                                      const Context& context) const {
  const std::string key = EntryKey(sequence);
  absl::StatusOr<Item> item = store_.Get(key, context);
  if (absl::IsDataLoss(item.status())) return RepositoryEntry{sequence, item.status()};
  // Gone is a finding too; that the store cannot be reached says nothing about the entry.
  if (absl::IsNotFound(item.status())) {
    return RepositoryEntry{sequence, MakeFault({.kind = FaultKind::kIncomplete,
                                                .place = key,
                                                .next = "restore the entry from a copy"},
                                               "an entry of the sequence is missing")};
  }
  DR_RETURN_IF_ERROR(item.status());
  const auto replaced = [&](std::string what) {
    return RepositoryEntry{sequence, MakeFault({.kind = FaultKind::kAuthFailed,
                                                .place = key,
                                                .next = "restore the entry from a copy"},
                                               what)};
  };
  absl::StatusOr<BackupManifest> manifest = DecodeManifest(item->value, key);
  if (manifest.ok() && manifest->sequence != sequence) {
    return replaced(
        fmt::format("entry {} holds the manifest of entry {}", sequence, manifest->sequence));
  }
  if (manifest.ok() && expected_hash && HashOf(item->value) != *expected_hash) {
    return replaced(
        fmt::format("entry {} is not the one that entry {} follows", sequence, sequence + 1));
  }
  return RepositoryEntry{sequence, std::move(manifest)};
}

std::unique_ptr<SnapshotWriter> Repository::NewSnapshot(std::string_view component,
                                                        const Schema& schema, Lsn as_of,
                                                        Epoch epoch, const Context& context) {
  return NewSnapshotWriter(store_, random_, clock_, options_.chunk_bytes,
                           {.component = std::string(component), .schema = schema, .as_of = as_of},
                           epoch, context);
}

absl::StatusOr<std::unique_ptr<StateReader>> Repository::OpenSnapshot(
    const ComponentSnapshot& snapshot, const Context& context) const {
  return NewSnapshotReader(store_, snapshot, context);
}

// One put is in flight at a time: what an earlier call left open comes first, with the same bytes.
absl::Status Repository::Settle(const Context& context) {
  if (pending_.empty()) return absl::OkStatus();
  absl::Status put = PutOnce(store_, EntryKey(newest_ + 1), pending_, context);
  // Only these two are answers about all puts of these bytes.
  if (!put.ok() && !absl::IsAborted(put)) return put;
  const std::string bytes = std::exchange(pending_, {});
  DR_RETURN_IF_ERROR(put);
  ++newest_;
  newest_hash_ = HashOf(bytes);
  return absl::OkStatus();
}

absl::StatusOr<BackupManifest> Repository::Publish(BackupManifest manifest,
                                                   const Context& context) {
  DR_RETURN_IF_ERROR(Settle(context));
  manifest.sequence = newest_ + 1;
  manifest.previous_hash = newest_hash_;
  DR_ASSIGN_OR_RETURN(std::string bytes, EncodeManifest(std::move(manifest)));
  // What cannot be read again must not become the newest.
  DR_ASSIGN_OR_RETURN(manifest, DecodeManifest(bytes, EntryKey(newest_ + 1)));
  pending_ = std::move(bytes);
  absl::Status put = Settle(context);
  if (put.ok()) return manifest;
  if (!absl::IsUnknown(put)) pending_.clear();
  return put;
}

absl::Status Repository::Prune(std::uint32_t keep, const Context& context) {
  if (keep == 0) {
    return MakeFault({.kind = FaultKind::kInvalid, .next = "keep at least one"},
                     "pruning would delete every checkpoint");
  }
  DR_RETURN_IF_ERROR(Settle(context));
  DR_ASSIGN_OR_RETURN(std::vector<RepositoryEntry> entries, Entries(context));
  std::set<std::string> living;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i >= keep) break;
    DR_RETURN_IF_ERROR(entries[i].manifest.status());
    for (const ComponentSnapshot& snapshot : entries[i].manifest->components) {
      for (const ChunkRef& chunk : snapshot.chunks) living.insert(chunk.key);
    }
  }
  // Oldest first, and before any chunk, so that no entry ever names what is gone.
  for (std::size_t i = entries.size(); i-- > keep;) {
    DR_RETURN_IF_ERROR(store_.Delete(EntryKey(entries[i].sequence), {}, context));
  }
  DR_ASSIGN_OR_RETURN(std::vector<std::string> chunks, ListAll(store_, kChunkPrefix, context));
  for (const std::string& chunk : chunks) {
    if (!living.contains(chunk)) DR_RETURN_IF_ERROR(store_.Delete(chunk, {}, context));
  }
  return absl::OkStatus();
}

}  // namespace dr::inline v0
