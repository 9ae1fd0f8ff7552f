#include "dr/repository.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"
#include "src/repository/snapshot.h"

namespace dr::inline v0 {
namespace {

constexpr std::string_view kEntryPrefix = "entry/";

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
    if (error == std::errc() && stop == end) sequences.push_back(sequence);
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
  if (!store.capabilities().if_absent) {
    return MakeFault({.kind = FaultKind::kUnsupported, .next = "use another store"},
                     "a repository needs a store with conditional creation");
  }
  options.chunk_bytes = std::min<std::size_t>(options.chunk_bytes,
                                              store.capabilities().max_value_bytes / 2);
  std::unique_ptr<Repository> repository(new Repository(store, clock, random, options));
  DR_RETURN_IF_ERROR(repository->FindNewest(context));
  return repository;
}

// A listing may be stale; it is where the search begins, not where it ends.
absl::Status Repository::FindNewest(const Context& context) {
  DR_ASSIGN_OR_RETURN(std::vector<std::uint64_t> sequences, ListEntries(store_, context));
  if (!sequences.empty()) newest_ = std::max(newest_, sequences.back());
  if (newest_ > 0) {
    DR_ASSIGN_OR_RETURN(Item item, store_.Get(EntryKey(newest_), context));
    newest_hash_ = HashOf(item.value);
  }
  for (;;) {
    absl::StatusOr<Item> next = store_.Get(EntryKey(newest_ + 1), context);
    if (absl::IsNotFound(next.status())) return absl::OkStatus();
    DR_RETURN_IF_ERROR(next.status());
    ++newest_;
    newest_hash_ = HashOf(next->value);
  }
}

absl::StatusOr<std::vector<RepositoryEntry>> Repository::Entries(const Context& context) const {
  DR_ASSIGN_OR_RETURN(std::vector<std::uint64_t> sequences, ListEntries(store_, context));
  if (newest_ > 0 && (sequences.empty() || sequences.back() < newest_)) {
    sequences.push_back(newest_);
  }
  std::vector<RepositoryEntry> entries;
  for (auto sequence = sequences.rbegin(); sequence != sequences.rend(); ++sequence) {
    const std::string key = EntryKey(*sequence);
    absl::StatusOr<Item> item = store_.Get(key, context);
    // Only damage is news about this entry; a store that cannot be read says nothing about it.
    if (!item.ok() && !absl::IsDataLoss(item.status()) && !absl::IsNotFound(item.status())) {
      return item.status();
    }
    absl::StatusOr<BackupManifest> manifest =
        item.ok() ? DecodeManifest(item->value, key) : item.status();
    if (manifest.ok() && manifest->sequence != *sequence) {
      manifest = MakeFault({.kind = FaultKind::kAuthFailed, .place = key,
                            .next = "restore the entry from a copy"},
                           fmt::format("entry {} holds the manifest of entry {}", *sequence,
                                       manifest->sequence));
    }
    entries.push_back({*sequence, std::move(manifest)});
  }
  return entries;
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

absl::StatusOr<BackupManifest> Repository::Publish(BackupManifest manifest,
                                                   const Context& context) {
  manifest.sequence = newest_ + 1;
  manifest.previous_hash = newest_hash_;
  DR_ASSIGN_OR_RETURN(std::string bytes, EncodeManifest(manifest));
  const std::string key = EntryKey(manifest.sequence);
  absl::Status put =
      store_.Put(key, bytes, {.condition = PutCondition::kIfAbsent}, context).status();
  if (absl::IsAlreadyExists(put) || absl::IsUnknown(put)) {
    // It may be our own put that was applied without an answer.
    absl::StatusOr<Item> found = store_.Get(key, context);
    if (!found.ok()) return put;
    put = found->value == bytes
              ? absl::OkStatus()
              : MakeFault({.kind = FaultKind::kConflict, .place = key,
                           .next = "open the repository again; another writer is at work"},
                          "the next number of the sequence is taken");
  }
  DR_RETURN_IF_ERROR(put);
  newest_ = manifest.sequence;
  newest_hash_ = HashOf(bytes);
  return manifest;
}

absl::Status Repository::Prune(std::uint32_t keep, const Context& context) {
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
