#include "dr/directory_store.h"

#include <algorithm>
#include <utility>

#include "dr/digest.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"
#include "src/format/little_endian.h"
#include "src/store/key_path.h"

namespace dr::inline v0 {
namespace {

// The format of a value's file is in the header.
constexpr std::string_view kMagic = "drvalue1";
constexpr std::size_t kEnvelopeBytes = 24;
constexpr std::uint64_t kMaxValueBytes = 256ULL << 20;
constexpr std::string_view kLockFile = ".lock";
constexpr std::string_view kTemporaryPrefix = ".tmp-";
constexpr std::size_t kPageEntries = 1000;

std::string Envelope(std::uint64_t nonce, std::string_view key, std::string_view value) {
  std::string bytes(kEnvelopeBytes + value.size(), '\0');
  kMagic.copy(bytes.data(), kMagic.size());
  StoreLittle(bytes.data() + 8, nonce);
  value.copy(bytes.data() + kEnvelopeBytes, value.size());
  std::string title(24, '\0');
  StoreLittle(title.data(), nonce);
  StoreLittle(title.data() + 8, HashOf(key));
  StoreLittle(title.data() + 16, HashOf(value));
  StoreLittle(bytes.data() + 16, HashOf(title));
  return bytes;
}

Version VersionOf(std::string_view envelope) {
  return {fmt::format("{:016x}{:016x}", LoadLittle<std::uint64_t>(envelope.data() + 8),
                      LoadLittle<std::uint64_t>(envelope.data() + 16))};
}

absl::Status WrongVersion(std::string_view key) {
  return MakeFault({.kind = FaultKind::kConflict,
                    .place = std::string(key),
                    .next = "read it again and decide anew"},
                   "the value has changed since it was read");
}

absl::Status WriteAside(Directory& directory, std::string_view name, std::string_view bytes) {
  DR_ASSIGN_OR_RETURN(
      std::unique_ptr<File> file,
      directory.Open(name, {.access = Access::kWrite, .create = Create::kExclusive}));
  DR_RETURN_IF_ERROR(file->WriteAt(0, bytes));
  return file->Sync();
}

absl::Status Unsure(std::string_view key, const absl::Status& why) {
  return MakeFault({.kind = FaultKind::kAmbiguous,
                    .place = std::string(key),
                    .next = "read it back; a crash may still undo it"},
                   fmt::format("the name of the value's file could not be made durable: {}",
                               AsStd(why.message())));
}

}  // namespace

struct DirectoryStore::Place {
  std::unique_ptr<Directory> opened;  // null: the root
  Directory* directory;
  std::string name;
};

DirectoryStore::DirectoryStore(std::unique_ptr<Directory> root, Random& random, const Clock& clock)
    : root_(std::move(root)), random_(random), clock_(clock) {
  capabilities_ = {.if_absent = true, .if_version = true, .max_value_bytes = kMaxValueBytes};
}

absl::StatusOr<std::unique_ptr<DirectoryStore>> DirectoryStore::Open(
    std::unique_ptr<Directory> root, Random& random, const Clock& clock) {
  DR_ASSIGN_OR_RETURN(std::unique_ptr<DirectoryStore> store,
                      OpenToRead(std::move(root), random, clock));
  MutexLock mutex(store->write_mutex_);
  DR_ASSIGN_OR_RETURN(std::unique_ptr<File> lock, store->LockFile({}));
  DR_RETURN_IF_ERROR(store->Clean(*store->root_));
  return store;
}

absl::StatusOr<std::unique_ptr<DirectoryStore>> DirectoryStore::OpenToRead(
    std::unique_ptr<Directory> root, Random& random, const Clock& clock) {
  std::unique_ptr<DirectoryStore> store(new DirectoryStore(std::move(root), random, clock));
  DR_ASSIGN_OR_RETURN(VolumeInfo volume, store->root_->Volume());
  store->capabilities_.durable = volume.survives_power_loss;
  store->capabilities_.fence_safe = volume.survives_power_loss && !volume.is_network;
  return store;
}

// Excludes other processes; write_mutex_ excludes the threads of this one.
absl::StatusOr<std::unique_ptr<File>> DirectoryStore::LockFile(const Context& context) {
  DR_ASSIGN_OR_RETURN(
      std::unique_ptr<File> file,
      root_->Open(kLockFile, {.access = Access::kWrite, .create = Create::kIfMissing}));
  for (;;) {
    DR_RETURN_IF_ERROR(CheckContext(context, clock_, "the lock of the store"));
    const absl::Status locked = file->Lock();
    if (locked.ok()) return file;
    const std::optional<Fault> fault = FaultOf(locked);
    if (!fault || fault->kind != FaultKind::kBusy) return locked;
    // Nobody notifies: the holder is another process.
    CondVar pause;
    pause.WaitFor(write_mutex_, std::chrono::milliseconds(1));
  }
}

// A temporary file lives only under the write lock, so whatever is found under it is left over. A
// process that was killed may have named a file and not synced the name: what can be read from now
// on has survived.
absl::Status DirectoryStore::Clean(Directory& directory) {
  DR_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, directory.List());
  for (const DirectoryEntry& entry : entries) {
    if (entry.name.starts_with(kTemporaryPrefix)) {
      DR_RETURN_IF_ERROR(directory.Remove(entry.name));
    } else if (entry.type == DirectoryEntry::Type::kDirectory && KeyOfName(entry.name, true)) {
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
  Place place{nullptr, root_.get(), std::move(path.back())};
  path.pop_back();
  std::string walked;
  for (const std::string& name : path) {
    walked += name + "/";
    DR_ASSIGN_OR_RETURN(std::unique_ptr<Directory> child,
                        place.directory->OpenDirectory(name, create));
    if (create != Create::kNever) {
      // Found or made: a process that was killed may have made it and not synced its name.
      MutexLock lock(synced_mutex_);
      if (!synced_.contains(walked)) {
        DR_RETURN_IF_ERROR(place.directory->Sync());
        synced_.insert(walked);
      }
    }
    place.opened = std::move(child);
    place.directory = place.opened.get();
  }
  return place;
}

absl::StatusOr<Item> DirectoryStore::Read(Directory& directory, std::string_view name,
                                          std::string_view key) {
  DR_ASSIGN_OR_RETURN(std::unique_ptr<File> file, directory.Open(name, {}));
  DR_ASSIGN_OR_RETURN(FileInfo info, file->Info());
  const auto damaged = [&](std::string_view what) {
    return MakeFault({.kind = FaultKind::kAuthFailed,
                      .place = std::string(key),
                      .next = "restore the file from a copy"},
                     what);
  };
  if (info.size < kEnvelopeBytes) return damaged("the value's file is too short");
  if (info.size > kEnvelopeBytes + kMaxValueBytes) return damaged("the value's file is too long");
  std::string bytes(info.size, '\0');
  DR_ASSIGN_OR_RETURN(std::size_t read, file->ReadAt(0, bytes));
  if (read != bytes.size() || !bytes.starts_with(kMagic)) return damaged("the value is damaged");
  Version version = VersionOf(bytes);
  if (Envelope(LoadLittle<std::uint64_t>(bytes.data() + 8), key,
               std::string_view(bytes).substr(kEnvelopeBytes)) != bytes) {
    return damaged("the value is not what was put under this key");
  }
  bytes.erase(0, kEnvelopeBytes);
  return Item{std::move(bytes), std::move(version)};
}

absl::StatusOr<Version> DirectoryStore::Put(std::string_view key, std::string_view value,
                                            const PutOptions& options, const Context& context) {
  if (options.ttl) {
    return MakeFault({.kind = FaultKind::kUnsupported,
                      .place = std::string(key),
                      .next = "leave it out, or use a store that declares ttl"},
                     "files do not expire");
  }
  if (value.size() > kMaxValueBytes) {
    return MakeFault(
        {.kind = FaultKind::kLimit, .place = std::string(key), .next = "split it"},
        fmt::format("a value has {} bytes, {} are allowed", value.size(), kMaxValueBytes));
  }
  MutexLock mutex(write_mutex_);
  DR_ASSIGN_OR_RETURN(std::unique_ptr<File> lock, LockFile(context));
  DR_ASSIGN_OR_RETURN(Place place, Find(key, Create::kIfMissing));
  if (options.condition == PutCondition::kIfVersion) {
    DR_ASSIGN_OR_RETURN(Item current, Read(*place.directory, place.name, key));
    if (current.version != options.version) return WrongVersion(key);
  }
  DR_ASSIGN_OR_RETURN(std::uint64_t nonce, random_.Next());
  const std::string bytes = Envelope(nonce, key, value);
  const std::string temporary = fmt::format("{}{:016x}", kTemporaryPrefix, nonce);
  absl::Status put = WriteAside(*place.directory, temporary, bytes);
  if (put.ok()) put = Name(place, temporary, key, VersionOf(bytes), options.condition);
  // Left behind, it is removed at the next open.
  if (options.condition == PutCondition::kIfAbsent || !put.ok()) {
    static_cast<void>(place.directory->Remove(temporary));
  }
  DR_RETURN_IF_ERROR(put);
  if (absl::Status synced = place.directory->Sync(); !synced.ok()) return Unsure(key, synced);
  return VersionOf(bytes);
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
  // Whoever lost a race relies on what won it.
  if (absl::IsAlreadyExists(named)) DR_RETURN_IF_ERROR(place.directory->Sync());
  const bool known =
      found.ok() || absl::IsNotFound(found.status()) || absl::IsDataLoss(found.status());
  return known ? named : Unsure(key, named);
}

absl::StatusOr<Item> DirectoryStore::Get(std::string_view key, const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "Get"));
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
    if (entries.size() - before > kPageEntries && entry.key > last) return absl::OkStatus();
    const std::size_t known = entries.size();
    if (entry.is_directory) {
      auto child = directory.OpenDirectory(entry.name, Create::kNever);
      if (absl::IsNotFound(child.status())) continue;
      DR_RETURN_IF_ERROR(child.status());
      DR_RETURN_IF_ERROR(Collect(**child, entry.key, prefix, after, entries));
    } else {
      auto file = directory.Open(entry.name, {});
      if (absl::IsNotFound(file.status())) continue;
      DR_RETURN_IF_ERROR(file.status());
      DR_ASSIGN_OR_RETURN(FileInfo info, (*file)->Info());
      entries.push_back({entry.key, info.size < kEnvelopeBytes ? 0 : info.size - kEnvelopeBytes});
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
  page.more = page.entries.size() > kPageEntries;
  if (page.more) page.entries.resize(kPageEntries);
  return page;
}

absl::Status DirectoryStore::Delete(std::string_view key, const DeleteOptions& options,
                                    const Context& context) {
  MutexLock mutex(write_mutex_);
  DR_ASSIGN_OR_RETURN(std::unique_ptr<File> lock, LockFile(context));
  absl::StatusOr<Place> place = Find(key, Create::kNever);
  if (!place.ok()) {
    return absl::IsNotFound(place.status()) && !options.if_version ? absl::OkStatus()
                                                                   : place.status();
  }
  if (options.if_version) {
    DR_ASSIGN_OR_RETURN(Item current, Read(*place->directory, place->name, key));
    if (current.version != *options.if_version) return WrongVersion(key);
  }
  // Not there: removed, perhaps, by a call that could not sync.
  absl::Status removed = place->directory->Remove(place->name);
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  absl::Status synced = place->directory->Sync();
  return synced.ok() ? synced : Unsure(key, synced);
}

absl::Status DirectoryStore::Check(const Context& context) {
  MutexLock mutex(write_mutex_);
  DR_ASSIGN_OR_RETURN(std::unique_ptr<File> lock, LockFile(context));
  return root_->Sync();
}

}  // namespace dr::inline v0
