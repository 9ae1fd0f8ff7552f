#include "dr/adapter/directory_store.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <utility>

#include "dr/adapter/adapter_calls.h"
#include "dr/adapter/stored_value.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/directory_lock.h"
#include "src/store/exclusive_names.h"
#include "src/store/key_path.h"

namespace dr::inline v0 {
namespace {

constexpr std::uint64_t kMaxValueBytes = 256ULL << 20;
constexpr std::string_view kLockFile = ".lock";
constexpr std::size_t kPageBytes = 4096;

// The whole pages of a value are written from where they are. What is left goes through a buffer
// together with the trailer, so that one call writes a small value.
absl::Status WriteAside(Directory& directory, std::string_view name, std::string_view value,
                        std::string_view trailer) {
  DR_ASSIGN_OR_RETURN(
      std::unique_ptr<File> file,
      directory.Open(name, {.access = Access::kWrite, .create = Create::kExclusive}));
  const std::string_view rest = value.substr(value.size() / kPageBytes * kPageBytes);
  const std::string_view pages = value.substr(0, value.size() - rest.size());
  if (!pages.empty()) DR_RETURN_IF_ERROR(file->WriteAt(0, pages));
  std::array<char, kPageBytes + kStoredTrailerBytes> end;
  rest.copy(end.data(), rest.size());
  trailer.copy(end.data() + rest.size(), trailer.size());
  DR_RETURN_IF_ERROR(file->WriteAt(pages.size(), {end.data(), rest.size() + trailer.size()}));
  return file->Sync();
}

}  // namespace

struct DirectoryStore::Place {
  std::unique_ptr<Directory> opened;  // null: the root
  Directory* directory;
  std::string path;  // of the directory, from the root
  std::string name;
};

// Excludes the threads of this process by `writing_`, and other processes by the directory's lock.
class DirectoryStore::WriteTurn {
 public:
  explicit WriteTurn(DirectoryStore& store) : store_(&store) {}
  WriteTurn(WriteTurn&& other) noexcept
      : lock_(std::move(other.lock_)), store_(std::exchange(other.store_, nullptr)) {}
  ~WriteTurn() {
    if (store_ == nullptr) return;
    lock_.Release();
    MutexLock mutex(store_->mutex_);
    store_->writing_ = false;
    store_->turn_.NotifyOne();
  }

  absl::Status Lock() {
    DR_ASSIGN_OR_RETURN(lock_, DirectoryLock::Take(*store_->root_, kLockFile));
    lock_.Sign();
    return absl::OkStatus();
  }

 private:
  DirectoryLock lock_;
  DirectoryStore* store_;
};

DirectoryStore::DirectoryStore(std::unique_ptr<Directory> root, Random& random, const Clock& clock)
    : root_(std::move(root)), random_(random), clock_(clock) {
  capabilities_ = {.if_absent = true, .if_version = true, .max_value_bytes = kMaxValueBytes};
}

absl::StatusOr<std::unique_ptr<DirectoryStore>> DirectoryStore::Open(
    std::unique_ptr<Directory> root, Random& random, const Clock& clock, const Context& context,
    Writers writers) {
  DR_ASSIGN_OR_RETURN(std::unique_ptr<DirectoryStore> store,
                      OpenToRead(std::move(root), random, clock));
  store->writers_ = writers;
  DR_ASSIGN_OR_RETURN(const WriteTurn turn, store->AwaitTurn(context));
  DR_RETURN_IF_ERROR(store->Clean(*store->root_));
  DR_RETURN_IF_ERROR(ProbeExclusiveNames(*store->root_));
  return store;
}

absl::StatusOr<std::unique_ptr<DirectoryStore>> DirectoryStore::OpenToRead(
    std::unique_ptr<Directory> root, Random& random, const Clock& clock) {
  std::unique_ptr<DirectoryStore> store(new DirectoryStore(std::move(root), random, clock));
  DR_ASSIGN_OR_RETURN(VolumeInfo volume, store->root_->Volume());
  store->capabilities_.durable = volume.survives_power_loss;
  store->capabilities_.fence_safe = volume.survives_power_loss && !volume.is_network;
  store->capabilities_.weaknesses = WeaknessesOf(volume);
  return store;
}

absl::StatusOr<DirectoryStore::WriteTurn> DirectoryStore::AwaitTurn(const Context& context) {
  constexpr std::chrono::milliseconds kThreadPause(10), kProcessPause(1);
  {
    MutexLock mutex(mutex_);
    while (writing_) {
      DR_RETURN_IF_ERROR(CheckContext(context, clock_, "waiting for another write to the store"));
      turn_.WaitFor(mutex_, kThreadPause);
    }
    writing_ = true;
  }
  WriteTurn turn(*this);
  for (;;) {
    const absl::Status locked = turn.Lock();
    if (locked.ok()) return turn;
    const std::optional<Fault> fault = FaultOf(locked);
    if (!fault || fault->kind != FaultKind::kBusy) return locked;
    DR_RETURN_IF_ERROR(
        CheckContext(context, clock_, fmt::format("waiting ({})", AsStd(locked.message()))));
    clock_.SleepUntil(clock_.Now() + kProcessPause, context.stop);  // nobody notifies
  }
}

// A temporary file lives only in its writer's turn, so one that is found in another's is left over.
// A process that was killed may have named a file and not synced the name: what can be read from
// now on has survived.
absl::Status DirectoryStore::Clean(Directory& directory) {
  DR_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, directory.List());
  for (const DirectoryEntry& entry : entries) {
    const bool is_directory = entry.type == DirectoryEntry::Type::kDirectory;
    if (!is_directory && entry.name.starts_with(kTemporaryPrefix)) {
      DR_RETURN_IF_ERROR(directory.Remove(entry.name));
    } else if (is_directory && KeyOfName(entry.name, true)) {
      DR_ASSIGN_OR_RETURN(std::unique_ptr<Directory> child,
                          directory.OpenDirectory(entry.name, Create::kNever));
      DR_RETURN_IF_ERROR(Clean(*child));
    }
  }
  return directory.Sync();
}

absl::StatusOr<DirectoryStore::Place> DirectoryStore::Find(std::string_view key, Create create) {
  DR_RETURN_IF_ERROR(CheckKey(key));
  std::vector<std::string> path = PathOfKey(key);
  Place place{nullptr, root_.get(), "", std::move(path.back())};
  path.pop_back();
  for (const std::string& name : path) {
    place.path += name + "/";
    DR_ASSIGN_OR_RETURN(std::unique_ptr<Directory> child,
                        place.directory->OpenDirectory(name, create));
    if (create != Create::kNever) {
      // Found or made: a process that was killed may have made it and not synced its name.
      if (!synced_.contains(place.path)) {
        DR_RETURN_IF_ERROR(place.directory->Sync());
        synced_.insert(place.path);
      }
    }
    place.opened = std::move(child);
    place.directory = place.opened.get();
  }
  return place;
}

absl::StatusOr<Item> DirectoryStore::Read(Directory& directory, std::string_view name,
                                          std::string_view key) {
  absl::StatusOr<std::unique_ptr<File>> opened = directory.Open(name, {});
  if (absl::IsInvalidArgument(opened.status())) {
    return MakeFault({.kind = FaultKind::kAuthFailed,
                      .place = std::string(key),
                      .next = "move it away and restore the value from a copy"},
                     fmt::format("what lies under {} is no regular file", name));
  }
  DR_RETURN_IF_ERROR(opened.status());
  const std::unique_ptr<File> file = *std::move(opened);
  DR_ASSIGN_OR_RETURN(FileInfo info, file->Info());
  if (info.size > kStoredTrailerBytes + kMaxValueBytes) {
    return MakeFault({.kind = FaultKind::kAuthFailed,
                      .place = std::string(key),
                      .next = "restore the value from a copy"},
                     "the value's file is too long");
  }
  std::string stored(info.size, '\0');
  DR_ASSIGN_OR_RETURN(const std::size_t read, file->ReadAt(0, stored));
  stored.resize(read);
  return DecodeStored(key, std::move(stored));
}

absl::StatusOr<Version> DirectoryStore::Put(std::string_view key, std::string_view value,
                                            const PutOptions& options, const Context& context) {
  DR_RETURN_IF_ERROR(CheckPut(capabilities_, key, value, options, context, clock_));
  DR_ASSIGN_OR_RETURN(const WriteTurn turn, AwaitTurn(context));
  DR_ASSIGN_OR_RETURN(Place place, Find(key, Create::kIfMissing));
  if (options.condition == PutCondition::kIfVersion) {
    DR_ASSIGN_OR_RETURN(Item current, Read(*place.directory, place.name, key));
    if (current.version != options.version) return ValueChanged(key);
  }
  DR_ASSIGN_OR_RETURN(Version version, Replace(place, key, value, options.condition));
  if (absl::Status synced = place.directory->Sync(); !synced.ok())
    return MayHaveHappened(key, synced);
  return version;
}

// The name is durable when the directory has been synced.
absl::StatusOr<Version> DirectoryStore::Replace(const Place& place, std::string_view key,
                                                std::string_view value, PutCondition condition) {
  DR_ASSIGN_OR_RETURN(std::uint64_t nonce, random_.Next());
  const StoredTrailer encoded = EncodeStoredTrailer(key, value, nonce);
  const std::string_view trailer(encoded.data(), encoded.size());
  Version version = StoredVersion(trailer);
  const std::string temporary = fmt::format("{}{:016x}", kTemporaryPrefix, nonce);
  absl::Status put = WriteAside(*place.directory, temporary, value, trailer);
  if (put.ok()) put = Name(place, temporary, key, version, condition);
  // If it stays, the next open removes it.
  if (condition == PutCondition::kIfAbsent || !put.ok()) {
    static_cast<void>(place.directory->Remove(temporary));
  }
  DR_RETURN_IF_ERROR(put);
  return version;
}

// Neighbours in one directory share its sync.
absl::Status DirectoryStore::PutMany(std::span<const KeyValue> items, const Context& context) {
  DR_ASSIGN_OR_RETURN(const WriteTurn turn, AwaitTurn(context));
  std::optional<Place> place;  // of the last
  std::string_view key;
  const auto sync = [&]() -> absl::Status {
    if (!place) return absl::OkStatus();
    const absl::Status synced = place->directory->Sync();
    return synced.ok() ? synced : MayHaveHappened(key, synced);
  };
  const auto put = [&](const KeyValue& item) -> absl::Status {
    DR_RETURN_IF_ERROR(CheckPut(capabilities_, item.key, item.value, {}, context, clock_));
    DR_ASSIGN_OR_RETURN(Place next, Find(item.key, Create::kIfMissing));
    if (place && place->path != next.path) DR_RETURN_IF_ERROR(sync());
    place = std::move(next);
    key = item.key;
    return Replace(*place, key, item.value, PutCondition::kAlways).status();
  };
  for (const KeyValue& item : items) {
    const absl::Status done = put(item);
    if (done.ok()) continue;
    const absl::Status synced = sync();  // those before it have happened
    return synced.ok() ? done : synced;
  }
  return sync();
}

absl::Status DirectoryStore::Name(const Place& place, std::string_view temporary,
                                  std::string_view key, const Version& version,
                                  PutCondition condition) {
  const absl::Status named = condition == PutCondition::kIfAbsent
                                 ? place.directory->Link(temporary, place.name)
                                 : place.directory->Rename(temporary, place.name);
  if (named.ok()) return named;
  // A network file system may have done it and lost the answer.
  const absl::StatusOr<Item> found = Read(*place.directory, place.name, key);
  if (found.ok() && found->version == version) return absl::OkStatus();
  // The loser of a race relies on the value that won it.
  if (absl::IsAlreadyExists(named)) DR_RETURN_IF_ERROR(place.directory->Sync());
  const bool known =
      found.ok() || absl::IsNotFound(found.status()) || absl::IsDataLoss(found.status());
  return known ? named : MayHaveHappened(key, named);
}

absl::StatusOr<Item> DirectoryStore::Get(std::string_view key, const Context& context) {
  DR_RETURN_IF_ERROR(CheckGet(capabilities_, key, context, clock_));
  DR_ASSIGN_OR_RETURN(Place place, Find(key, Create::kNever));
  return Read(*place.directory, place.name, key);
}

// At least the page's keys of this directory, or all it has. Keys are not quite in the order of
// names: those of a cut component come before or behind those of the component that it begins with.
absl::Status DirectoryStore::Collect(Directory& directory, const std::string& parent,
                                     std::string_view prefix, std::string_view after,
                                     std::vector<ListEntry>& entries) {
  struct Found {
    std::string key, name;
    bool is_directory;
  };
  DR_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> listed, directory.List());
  std::vector<Found> found;
  for (DirectoryEntry& entry : listed) {
    const bool is_directory = entry.type == DirectoryEntry::Type::kDirectory;
    std::optional<std::string> part = KeyOfName(entry.name, is_directory);
    if (!part) continue;
    // Nothing more after a piece of a component: that key has a shorter name.
    if ((part->empty() || *part == "/") && !parent.empty() && parent.back() != '/') continue;
    const std::string key = parent + *part;
    const std::string_view begin = std::string_view(key).substr(0, prefix.size());
    const bool wanted = is_directory
                            ? prefix.starts_with(begin) && after.substr(0, key.size()) <= key
                            : begin == prefix && key > after;
    if (wanted) found.push_back({key, std::move(entry.name), is_directory});
  }
  std::ranges::sort(found, {}, &Found::key);
  const std::size_t before = entries.size();
  std::string last;  // of what was found here
  for (const Found& entry : found) {
    if (entries.size() - before > kMaxPageEntries && entry.key > last) return absl::OkStatus();
    const std::size_t known = entries.size();
    if (entry.is_directory) {
      auto child = directory.OpenDirectory(entry.name, Create::kNever);
      if (absl::IsNotFound(child.status())) continue;
      DR_RETURN_IF_ERROR(child.status());
      DR_RETURN_IF_ERROR(Collect(**child, entry.key, prefix, after, entries));
    } else {
      const absl::StatusOr<FileInfo> info = directory.Info(entry.name);
      if (absl::IsNotFound(info.status())) continue;
      // What is no file is listed, so that reading it tells that the value is lost.
      if (!info.ok() && !absl::IsInvalidArgument(info.status())) return info.status();
      const std::uint64_t size = info.ok() ? info->size : 0;
      entries.push_back({entry.key, size - std::min<std::uint64_t>(size, kStoredTrailerBytes)});
    }
    for (std::size_t i = known; i < entries.size(); ++i) last = std::max(last, entries[i].key);
  }
  return absl::OkStatus();
}

absl::StatusOr<Page> DirectoryStore::List(std::string_view prefix, std::string_view after,
                                          const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "List"));
  Page page;
  DR_RETURN_IF_ERROR(Collect(*root_, "", prefix, after, page.entries));
  std::sort(page.entries.begin(), page.entries.end(),
            [](const ListEntry& a, const ListEntry& b) { return a.key < b.key; });
  page.more = page.entries.size() > kMaxPageEntries;
  if (page.more) page.entries.resize(kMaxPageEntries);
  return page;
}

absl::Status DirectoryStore::Delete(std::string_view key, const DeleteOptions& options,
                                    const Context& context) {
  DR_RETURN_IF_ERROR(CheckDelete(capabilities_, key, options, context, clock_));
  DR_ASSIGN_OR_RETURN(const WriteTurn turn, AwaitTurn(context));
  absl::StatusOr<Place> place = Find(key, Create::kNever);
  if (!place.ok()) {
    return absl::IsNotFound(place.status()) && !options.if_version ? absl::OkStatus()
                                                                   : place.status();
  }
  if (options.if_version) {
    DR_ASSIGN_OR_RETURN(Item current, Read(*place->directory, place->name, key));
    if (current.version != *options.if_version) return ValueChanged(key);
  }
  DR_RETURN_IF_ERROR(Remove(*place->directory, place->name, key));
  const absl::Status synced = place->directory->Sync();
  if (!synced.ok()) return MayHaveHappened(key, synced);
  std::vector<std::string> path = PathOfKey(key);
  path.pop_back();
  RemoveEmpty(std::move(path));
  return absl::OkStatus();
}

// Others remember which folders they have synced and would not notice that one was made anew, so
// that with them empty folders stay. One that cannot be removed is not empty, or does no harm.
void DirectoryStore::RemoveEmpty(std::vector<std::string> path) {
  if (writers_ == Writers::kMany) return;
  std::vector<std::unique_ptr<Directory>> opened;
  Directory* parent = root_.get();
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    auto child = parent->OpenDirectory(path[i], Create::kNever);
    if (!child.ok()) return;
    parent = opened.emplace_back(*std::move(child)).get();
  }
  while (!path.empty()) {
    parent = path.size() == 1 ? root_.get() : opened[path.size() - 2].get();
    if (!parent->RemoveDirectory(path.back()).ok()) return;
    synced_.erase(fmt::format("{}/", fmt::join(path, "/")));
    path.pop_back();
  }
}

// Not there: removed, perhaps, by a call that could not sync, so that its directory is synced
// nevertheless. A folder is no value.
absl::Status DirectoryStore::Remove(Directory& directory, std::string_view name,
                                    std::string_view key) {
  const absl::Status removed = directory.Remove(name);
  if (removed.ok() || absl::IsNotFound(removed) || absl::IsInvalidArgument(removed)) {
    return absl::OkStatus();
  }
  return directory.Info(name).ok() ? removed : MayHaveHappened(key, removed);
}

// Each directory is opened and synced once.
absl::Status DirectoryStore::DeleteMany(std::span<const std::string> keys, const Context& context) {
  struct Removal {
    std::vector<std::string> directory;
    std::string name;
    std::string_view key;
  };
  std::vector<Removal> removals;
  for (const std::string& key : keys) {
    DR_RETURN_IF_ERROR(CheckDelete(capabilities_, key, {}, context, clock_));
    Removal& removal = removals.emplace_back(Removal{PathOfKey(key), "", key});
    removal.name = std::move(removal.directory.back());
    removal.directory.pop_back();
  }
  std::ranges::sort(removals, {}, &Removal::directory);
  DR_ASSIGN_OR_RETURN(const WriteTurn turn, AwaitTurn(context));
  for (std::size_t i = 0; i < removals.size();) {
    const Removal& first = removals[i];
    const absl::StatusOr<Place> place = Find(first.key, Create::kNever);
    if (!place.ok() && !absl::IsNotFound(place.status())) return place.status();
    for (; i < removals.size() && removals[i].directory == first.directory; ++i) {
      if (!place.ok()) continue;
      DR_RETURN_IF_ERROR(CheckContext(context, clock_, "DeleteMany"));
      DR_RETURN_IF_ERROR(Remove(*place->directory, removals[i].name, removals[i].key));
    }
    if (!place.ok()) continue;
    const absl::Status synced = place->directory->Sync();
    if (!synced.ok()) return MayHaveHappened(first.key, synced);
    RemoveEmpty(first.directory);
  }
  return absl::OkStatus();
}

absl::Status DirectoryStore::Check(const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "Check"));
  DR_ASSIGN_OR_RETURN(const WriteTurn turn, AwaitTurn(context));
  return root_->Sync();
}

}  // namespace dr::inline v0
