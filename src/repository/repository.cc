#include "dr/repository/repository.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/assert.h"
#include "src/repository/objects/snapshot.h"
#include "src/repository/put_once.h"

namespace dr::inline v0 {
namespace {

constexpr std::string_view kEntryPrefix = "entry/";
constexpr std::uint64_t kMinValueBytes = 8 << 10;
constexpr std::size_t kMaxKeyUsed = 64;
constexpr std::uint64_t kRungs = 1024;  // P18: a number's level is its trailing zeros in this base
constexpr absl::Duration kShortestTtl = absl::Seconds(1);

std::string EntryKey(std::uint64_t sequence) {
  return fmt::format("{}{:020}", kEntryPrefix, sequence);
}

absl::StatusOr<std::vector<ListEntry>> ListAll(StateAdapter& store, std::string_view prefix,
                                               const Context& context) {
  std::vector<ListEntry> all;
  for (;;) {
    DR_ASSIGN_OR_RETURN(Page page, store.List(prefix, all.empty() ? "" : all.back().key, context));
    std::move(page.entries.begin(), page.entries.end(), std::back_inserter(all));
    if (!page.more) return all;
  }
}

struct Numbered {
  std::uint64_t sequence;
  bool has_value;  ///< it has not been pruned
  friend bool operator==(const Numbered&, const Numbered&) = default;
};

absl::StatusOr<std::vector<Numbered>> ListEntries(StateAdapter& store, const Context& context) {
  DR_ASSIGN_OR_RETURN(std::vector<ListEntry> entries, ListAll(store, kEntryPrefix, context));
  std::vector<Numbered> numbered;
  for (const auto& [key, bytes] : entries) {
    std::uint64_t sequence = 0;
    const char* end = key.data() + key.size();
    auto [stop, error] = std::from_chars(key.data() + kEntryPrefix.size(), end, sequence);
    if (error == std::errc() && stop == end && key == EntryKey(sequence)) {
      numbered.push_back({sequence, bytes > 0});
    }
  }
  return numbered;
}

std::uint64_t NextMultiple(std::uint64_t sequence, std::uint64_t of) {
  return (sequence / of + 1) * of;
}

// P18: a number may be free again only when a later one of a higher level has been used.
bool MayBeFree(std::uint64_t sequence, std::uint64_t newest) {
  std::uint64_t rung = kRungs;
  while (sequence % rung == 0) rung *= kRungs;
  return NextMultiple(sequence, rung) <= newest;
}

/// Of entry `sequence` as its successor names it, if that is the last of `entries` and knows.
std::optional<Sha256> HashIn(const std::vector<RepositoryEntry>& entries, std::uint64_t sequence) {
  if (entries.empty() || entries.back().sequence != sequence + 1) return std::nullopt;
  const absl::StatusOr<BackupManifest>& successor = entries.back().manifest;
  if (!successor.ok() || successor->previous.number == 0) return std::nullopt;
  return successor->previous.entry;
}

}  // namespace

Repository::Repository(StateAdapter& store, const Clock& clock, Random& random,
                       RepositoryOptions options, std::uint64_t run)
    : store_(store), clock_(clock), random_(random), options_(options), run_(run) {}

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
  if (options.ttl && !can.ttl) {
    return MakeFault({.kind = FaultKind::kUnsupported, .next = "use another store, or no ttl"},
                     "the store lets nothing expire");
  }
  options.object_bytes =
      std::clamp<std::uint64_t>(options.object_bytes, kMinValueBytes / 2, can.max_value_bytes / 2);
  DR_ASSIGN_OR_RETURN(const std::uint64_t run, random.Next());
  std::unique_ptr<Repository> repository(new Repository(store, clock, random, options, run));
  DR_ASSIGN_OR_RETURN(repository->newest_, repository->FindTail(context));
  return repository;
}

// A damaged entry has its number all the same.
Repository::Tail Repository::TailOf(std::uint64_t sequence, const absl::StatusOr<Item>& item) {
  Tail tail{.sequence = sequence};
  if (!item.ok()) return tail;
  tail.has_value = !item->value.empty();
  const absl::StatusOr<SegmentPrefix> prefix = DecodePrefix(item->value, EntryKey(sequence));
  if (!prefix.ok()) return tail;
  tail.end = {.number = sequence,
              .salt = prefix->salt,
              .last_lsn = prefix->durable_lsn,
              .epoch = prefix->epoch,
              .entry = Sha256Of(item->value)};
  return tail;
}

// A listing may be stale; it is where the search begins, not where it ends. Another host may prune
// meanwhile, so the search can end early, at an entry that is gone by then; never too late.
absl::StatusOr<Repository::Tail> Repository::FindTail(const Context& context) const {
  for (std::uint64_t gone = 0;;) {
    DR_ASSIGN_OR_RETURN(std::vector<Numbered> listed, ListEntries(store_, context));
    const std::uint64_t last = listed.empty() ? 0 : listed.back().sequence;
    Tail tail;
    for (std::uint64_t candidate = std::max<std::uint64_t>(last, 1);; ++candidate) {
      absl::StatusOr<Item> item = store_.Get(EntryKey(candidate), context);
      if (absl::IsNotFound(item.status())) break;
      if (!item.ok() && !absl::IsDataLoss(item.status())) return item.status();
      tail = TailOf(candidate, item);
    }
    if (tail.sequence > 0 || last == 0) return tail;
    // What was listed is gone: pruned since then, or missing if it is still listed.
    if (last == gone) return Tail{.sequence = last};
    gone = last;
  }
}

absl::StatusOr<bool> Repository::Exists(std::uint64_t sequence, const Context& context) const {
  const absl::Status found = store_.Get(EntryKey(sequence), context).status();
  if (absl::IsNotFound(found)) return false;
  if (found.ok() || absl::IsDataLoss(found)) return true;
  return found;
}

// P18: where a number may be free again, a later one of a higher level has been used. Lowest level
// first, because above one that is gone there is a higher one.
absl::StatusOr<bool> Repository::LaterExists(std::uint64_t sequence, const Context& context) const {
  for (std::uint64_t rung = kRungs;; rung *= kRungs) {
    DR_ASSIGN_OR_RETURN(const bool exists, Exists(NextMultiple(sequence, rung), context));
    if (exists) return true;
    if (rung > std::numeric_limits<std::uint64_t>::max() / kRungs) return false;
  }
}

absl::StatusOr<bool> Repository::IsSurpassed(const Context& context) const {
  DR_ASSIGN_OR_RETURN(const bool followed, Exists(newest_.sequence + 1, context));
  if (followed) return true;
  // Its number may be free again. But the oldest are pruned first: where the newest that is known
  // here is still as it was, no later one has been.
  absl::StatusOr<Item> known = store_.Get(EntryKey(newest_.sequence), context);
  if (known.ok() && newest_.end.number != 0 && Sha256Of(known->value) == newest_.end.entry) {
    return false;
  }
  if (!known.ok() && !absl::IsNotFound(known.status()) && !absl::IsDataLoss(known.status())) {
    return known.status();
  }
  DR_ASSIGN_OR_RETURN(const Tail tail, FindTail(context));
  const bool later = tail.sequence > newest_.sequence;
  if (later || !options_.shared) return later;
  return LaterExists(newest_.sequence + 1, context);
}

// A put that was long under way may have found its number free again.
absl::Status Repository::CheckFollowsAll(std::uint64_t sequence, const Context& context) const {
  const absl::StatusOr<bool> late = LaterExists(sequence, context);
  if (!late.ok()) {
    return MakeFault({.kind = FaultKind::kAmbiguous,
                      .place = EntryKey(sequence),
                      .next = "call again with the same manifest"},
                     fmt::format("whether a later entry exists could not be read: {}",
                                 AsStd(late.status().message())));
  }
  if (!*late) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kConflict,
                    .place = EntryKey(sequence),
                    .next = "open the repository again; another writer is at work"},
                   fmt::format("entry {} came too late, there are later ones", sequence));
}

absl::StatusOr<std::optional<BackupManifest>> Repository::Newest(const Context& context) const {
  if (newest_.sequence == 0) return std::nullopt;
  // What was pruned may outlive what was kept where everything expires.
  if (options_.ttl && !newest_.has_value) return std::nullopt;
  std::optional<Sha256> known;
  if (newest_.end.number != 0) known = newest_.end.entry;
  DR_ASSIGN_OR_RETURN(RepositoryEntry entry, ReadEntry(newest_.sequence, known, context));
  DR_RETURN_IF_ERROR(entry.manifest.status());
  return *std::move(entry.manifest);
}

// What is gone or different may have been pruned since it was listed. Damage is what is found while
// no writer publishes or prunes.
absl::StatusOr<std::vector<RepositoryEntry>> Repository::Entries(const Context& context) const {
  DR_ASSIGN_OR_RETURN(std::vector<Numbered> listed, ListEntries(store_, context));
  for (;;) {
    std::set<std::uint64_t> known, pruned;
    for (const auto& [sequence, has_value] : listed) {
      (has_value || !options_.shared ? known : pruned).insert(sequence);
    }
    // What the listing does not have yet, and the nearest end of every gap: numbers are dense, but
    // for a put that came too late and found its number free again.
    const std::uint64_t newest = newest_.sequence;
    if (newest > 0 && (listed.empty() || listed.back().sequence <= newest)) known.insert(newest);
    for (std::uint64_t sequence : std::vector(known.begin(), known.end())) {
      if (sequence == *known.begin() || pruned.contains(sequence - 1)) continue;
      const bool free = options_.shared && MayBeFree(sequence - 1, *known.rbegin());
      if (!free) known.insert(sequence - 1);
    }
    std::vector<RepositoryEntry> entries;
    bool damaged = false;
    for (auto sequence = known.rbegin(); sequence != known.rend(); ++sequence) {
      DR_ASSIGN_OR_RETURN(RepositoryEntry entry,
                          ReadEntry(*sequence, HashIn(entries, *sequence), context));
      damaged |= absl::IsDataLoss(entry.manifest.status());
      entries.push_back(std::move(entry));
    }
    if (!damaged) return entries;
    DR_ASSIGN_OR_RETURN(std::vector<Numbered> now, ListEntries(store_, context));
    if (now == listed) return entries;
    listed = std::move(now);
  }
}

absl::StatusOr<RepositoryEntry> Repository::ReadEntry(std::uint64_t sequence,
                                                      const std::optional<Sha256>& expected,
                                                      const Context& context) const {
  const std::string key = EntryKey(sequence);
  absl::StatusOr<Item> item = store_.Get(key, context);
  if (absl::IsDataLoss(item.status())) return RepositoryEntry{sequence, item.status()};
  // Gone is a finding too; that the store cannot be reached says nothing about the entry. One
  // without a value was pruned.
  if (absl::IsNotFound(item.status()) || (item.ok() && item->value.empty())) {
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
  if (manifest.ok() && expected && Sha256Of(item->value) != *expected) {
    return replaced(
        fmt::format("entry {} is not the one that entry {} follows", sequence, sequence + 1));
  }
  return RepositoryEntry{sequence, std::move(manifest)};
}

std::unique_ptr<SnapshotWriter> Repository::NewSnapshot(std::string_view component,
                                                        const Schema& schema, Lsn as_of,
                                                        Epoch epoch, const Context& context) {
  return NewSnapshotWriter({.store = store_,
                            .random = random_,
                            .clock = clock_,
                            .options = options_,
                            .epoch = epoch,
                            .run = run_,
                            .ordinal = ordinal_},
                           {.component = std::string(component), .schema = schema, .as_of = as_of},
                           context);
}

absl::StatusOr<std::unique_ptr<StateReader>> Repository::OpenSnapshot(
    const ComponentSnapshot& snapshot, const Context& context) const {
  return NewSnapshotReader(store_, snapshot, context);
}

// One put is in flight at a time: what an earlier call left open comes first, with the same bytes.
absl::StatusOr<std::string> Repository::PutPending(const Context& context) {
  if (pending_.empty()) return std::string();
  const std::uint64_t next = newest_.sequence + 1;
  absl::Status put = PutOnce(store_, EntryKey(next), pending_, pending_ttl_, context);
  if (put.ok() && options_.shared) put = CheckFollowsAll(next, context);
  // Only these two are answers about all puts of these bytes.
  if (!put.ok() && !absl::IsAborted(put)) return put;
  std::string bytes = std::exchange(pending_, {});
  DR_RETURN_IF_ERROR(put);
  newest_ = TailOf(next, Item{bytes, {}});
  return bytes;
}

absl::StatusOr<std::optional<BackupManifest>> Repository::Settle(const Context& context) {
  DR_ASSIGN_OR_RETURN(const std::string bytes, PutPending(context));
  if (bytes.empty()) return std::nullopt;
  return DecodeManifest(bytes, EntryKey(newest_.sequence));
}

absl::StatusOr<BackupManifest> Repository::Publish(BackupManifest manifest,
                                                   const Context& context) {
  return PublishFor(std::move(manifest), options_.ttl, context);
}

absl::StatusOr<BackupManifest> Repository::PublishFor(BackupManifest manifest,
                                                      std::optional<absl::Duration> ttl,
                                                      const Context& context) {
  DR_RETURN_IF_ERROR(PutPending(context).status());
  manifest.sequence = newest_.sequence + 1;
  manifest.previous = newest_.end;
  manifest.before = {newest_.end.number, newest_.end.entry};
  // Equal bytes are taken for one's own, so no two manifests are equal.
  DR_ASSIGN_OR_RETURN(manifest.salt, random_.Next());
  DR_ASSIGN_OR_RETURN(std::string bytes, EncodeManifest(std::move(manifest)));
  // What cannot be read again must not become the newest.
  DR_ASSIGN_OR_RETURN(manifest, DecodeManifest(bytes, EntryKey(manifest.sequence)));
  DR_ASSERT(pending_.empty() && manifest.sequence == newest_.sequence + 1);
  pending_ = std::move(bytes);
  pending_ttl_ = ttl;
  const absl::Status put = PutPending(context).status();
  if (put.ok()) return manifest;
  if (!absl::IsUnknown(put)) pending_.clear();
  return put;
}

absl::StatusOr<BackupManifest> Repository::Claim(std::optional<BackupManifest> newest,
                                                 const Context& context) {
  BackupManifest claim = newest ? *std::move(newest) : BackupManifest{.created = clock_.WallTime()};
  claim.log = {.high = 0, .low = 1};
  claim.epoch = {newest_.sequence + 1};
  std::optional<absl::Duration> ttl = options_.ttl;
  if (ttl) ttl = std::clamp(claim.created + *ttl - clock_.WallTime(), kShortestTtl, *ttl);
  return PublishFor(std::move(claim), ttl, context);
}

// In a shared repository a number stays taken until no writer can take it for a new one.
absl::Status Repository::Forget(std::uint64_t sequence, bool has_value, const Context& context) {
  if (!options_.shared || MayBeFree(sequence, newest_.sequence)) {
    return store_.Delete(EntryKey(sequence), {}, context);
  }
  if (!has_value) return absl::OkStatus();
  return store_.Put(EntryKey(sequence), "", {.ttl = options_.ttl}, context).status();
}

absl::Status Repository::Prune(std::uint32_t keep, Epoch epoch, const Context& context) {
  if (keep == 0) {
    return MakeFault({.kind = FaultKind::kInvalid, .next = "keep at least one"},
                     "pruning would delete every checkpoint");
  }
  DR_RETURN_IF_ERROR(PutPending(context).status());
  DR_ASSIGN_OR_RETURN(std::vector<RepositoryEntry> entries, Entries(context));
  std::set<std::string> living;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i >= keep) break;
    DR_RETURN_IF_ERROR(entries[i].manifest.status());
    for (const ComponentSnapshot& snapshot : entries[i].manifest->components) {
      for (const ObjectRef& object : snapshot.objects) living.insert(object.name);
    }
  }
  const std::uint64_t oldest_kept =
      entries.empty() ? 0 : entries[std::min<std::size_t>(keep, entries.size()) - 1].sequence;
  DR_ASSIGN_OR_RETURN(std::vector<Numbered> listed, ListEntries(store_, context));
  // Oldest first, and before any object, so that no entry ever names what is gone.
  for (const auto& [sequence, has_value] : listed) {
    if (sequence >= oldest_kept) break;
    DR_RETURN_IF_ERROR(Forget(sequence, has_value, context));
  }
  DR_ASSIGN_OR_RETURN(std::vector<ListEntry> objects, ListAll(store_, kObjectPrefix, context));
  std::vector<std::string> garbage;
  for (ListEntry& object : objects) {
    const std::optional<Epoch> of = EpochOfObject(object.key);
    if (!of || *of > epoch || living.contains(object.key)) continue;
    garbage.push_back(std::move(object.key));
  }
  return store_.DeleteMany(garbage, context);
}

}  // namespace dr::inline v0
