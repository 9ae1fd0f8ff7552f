// The half of SimDisk that is about names.

#include <limits>
#include <utility>

#include "src/testing/sim/sim_disk.h"

namespace dr::inline v0 {
namespace {

using Kind = SimEvent::Kind;
using Type = SimImage::Type;

}  // namespace

void SimDisk::ChangeName(SimEvent event) {
  ApplyName(event, live_);
  Record(std::move(event));
}

int SimDisk::Create(SimInode directory, std::string_view name, Type type, SimInode& created) {
  if (live_.links(directory) == 0) return ENOENT;  // removed, but open
  if (FreeBytes() < kSimSectorBytes) return ENOSPC;
  created = live_.end();
  live_.Add(created, type);
  used_bytes_ += kSimSectorBytes;
  ChangeName({.kind = Kind::kCreate,
              .type = type,
              .inode = created,
              .directory = directory,
              .name = std::string(name)});
  return 0;
}

int SimDisk::OpenFile(SimInode directory, std::string_view name, dr::Create create, WritePath path,
                      SimInode& opened) {
  MutexLock lock(mutex_);
  const std::optional<SimInode> found = live_.Find(directory, name);
  const bool creates = !found && create != dr::Create::kNever;
  if (const int error = Enter(SimCall::kOpen, creates)) return error;
  if (found && create == dr::Create::kExclusive) return EEXIST;
  if (found && live_.type(*found) != Type::kFile) return EISDIR;
  if (!found && !creates) return ENOENT;
  if (path == WritePath::kDirect && !options_.direct) return EOPNOTSUPP;
  opened = found.value_or(0);
  if (creates) {
    if (const int error = Create(directory, name, Type::kFile, opened)) return error;
  }
  ++open_[opened].handles;
  return 0;
}

int SimDisk::OpenDirectory(SimInode directory, std::string_view name, dr::Create create,
                           SimInode& opened) {
  MutexLock lock(mutex_);
  std::optional<SimInode> found = live_.Find(directory, name);
  if (create != dr::Create::kNever) {
    if (const int error = Enter(SimCall::kNames, !found)) return error;
    if (found && create == dr::Create::kExclusive) return EEXIST;
    if (!found) {
      if (const int error = Create(directory, name, Type::kDirectory, found.emplace()))
        return error;
    }
  }
  if (const int error = Enter(SimCall::kOpen, false)) return error;
  if (!found) return ENOENT;
  if (live_.type(*found) != Type::kDirectory) return ENOTDIR;
  opened = *found;
  ++open_[opened].handles;
  return 0;
}

int SimDisk::OpenRoot(SimInode& opened) {
  MutexLock lock(mutex_);
  if (const int error = Enter(SimCall::kOpen, false)) return error;
  opened = SimImage::kRoot;
  ++open_[opened].handles;
  return 0;
}

int SimDisk::List(SimInode directory, std::vector<DirectoryEntry>& out) {
  MutexLock lock(mutex_);
  if (const int error = Enter(SimCall::kInfo, false)) return error;
  for (const auto& [name, inode] : live_.entries(directory)) {
    out.push_back({.name = name,
                   .type = live_.type(inode) == Type::kFile ? DirectoryEntry::Type::kFile
                                                            : DirectoryEntry::Type::kDirectory});
  }
  return 0;
}

// What rename() says about a name that is there already.
int SimDisk::CheckReplaced(SimInode directory, SimInode from, std::string_view to) const {
  const std::optional<SimInode> replaced = live_.Find(directory, to);
  if (!replaced) return 0;
  const bool replaces_directory = live_.type(*replaced) == Type::kDirectory;
  if (live_.type(from) == Type::kFile) return replaces_directory ? EISDIR : 0;
  if (!replaces_directory) return ENOTDIR;
  return live_.entries(*replaced).empty() ? 0 : ENOTEMPTY;
}

int SimDisk::Rename(SimInode directory, std::string_view from, std::string_view to) {
  MutexLock lock(mutex_);
  if (const int error = Enter(SimCall::kNames, true)) return error;
  const std::optional<SimInode> inode = live_.Find(directory, from);
  if (!inode) return ENOENT;
  const std::optional<SimInode> replaced = live_.Find(directory, to);
  if (replaced == inode) return 0;  // POSIX: two names of one file, nothing to do
  if (const int error = CheckReplaced(directory, *inode, to)) return error;
  ChangeName({.kind = Kind::kRename,
              .inode = *inode,
              .directory = directory,
              .name = std::string(from),
              .to = std::string(to)});
  if (replaced) FreeIfUnused(*replaced);
  return 0;
}

int SimDisk::Link(SimInode directory, std::string_view from, std::string_view to) {
  MutexLock lock(mutex_);
  if (const int error = Enter(SimCall::kNames, true)) return error;
  const std::optional<SimInode> inode = live_.Find(directory, from);
  if (!inode) return ENOENT;
  if (live_.Find(directory, to)) return EEXIST;
  if (live_.type(*inode) == Type::kDirectory) return EPERM;
  ChangeName({.kind = Kind::kLink,
              .inode = *inode,
              .directory = directory,
              .name = std::string(from),
              .to = std::string(to)});
  return 0;
}

int SimDisk::Remove(SimInode directory, std::string_view name, Type type) {
  MutexLock lock(mutex_);
  if (const int error = Enter(SimCall::kNames, false)) return error;
  const std::optional<SimInode> inode = live_.Find(directory, name);
  if (!inode) return ENOENT;
  if (live_.type(*inode) != type) return type == Type::kFile ? EISDIR : ENOTDIR;
  if (type == Type::kDirectory && !live_.entries(*inode).empty()) return ENOTEMPTY;
  ChangeName(
      {.kind = Kind::kRemove, .inode = *inode, .directory = directory, .name = std::string(name)});
  FreeIfUnused(*inode);
  return 0;
}

int SimDisk::SyncNames(SimInode directory) {
  MutexLock lock(mutex_);
  if (const int error = Enter(SimCall::kSyncNames, false)) return error;
  const std::size_t begin =
      Begin(SimCall::kSyncNames, {.kind = Kind::kSyncNamesBegin, .directory = directory});
  Record({.kind = Kind::kSyncNamesEnd, .durable = !lies_, .directory = directory, .begin = begin});
  return 0;
}

int SimDisk::Volume(VolumeInfo& out) {
  MutexLock lock(mutex_);
  if (const int error = Enter(SimCall::kInfo, false)) return error;
  out = options_.volume;
  out.free_bytes = FreeBytes();
  if (options_.capacity_bytes != std::numeric_limits<std::uint64_t>::max()) {
    out.total_bytes = options_.capacity_bytes;
  }
  return 0;
}

}  // namespace dr::inline v0
