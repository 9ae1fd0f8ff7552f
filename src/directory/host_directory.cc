#include "src/directory/host_directory.h"

#include <utility>

#include "dr/digest.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/set_aside.h"

namespace dr::inline v0 {
namespace {

constexpr std::string_view kLock = "LOCK";
constexpr std::string_view kCurrent = "CURRENT";
constexpr std::string_view kCurrentTemporary = "CURRENT.tmp";
constexpr std::string_view kFirst = "g-000001";
constexpr std::string_view kGenerationPrefix = "g-";
constexpr std::size_t kCurrentBytesMax = 256;

std::string CurrentText(std::string_view name) {
  return fmt::format("{} {:016x}\n", name, HashOf(name));
}

absl::StatusOr<std::string> ReadSmall(File& file) {
  std::string text(kCurrentBytesMax, '\0');
  DR_ASSIGN_OR_RETURN(std::size_t read, file.ReadAt(0, text));
  text.resize(read);
  return text;
}

absl::Status Lost(std::string_view place, std::string_view what) {
  return MakeFault({.kind = FaultKind::kIncomplete,
                    .place = std::string(place),
                    .next = "restore the file from a copy; CURRENT holds the name of the "
                            "generation directory that counts"},
                   what);
}

absl::StatusOr<std::string> ReadCurrent(Directory& root) {
  DR_ASSIGN_OR_RETURN(std::unique_ptr<File> file, root.Open(kCurrent, {}));
  DR_ASSIGN_OR_RETURN(std::string text, ReadSmall(*file));
  std::string name = text.substr(0, text.find(' '));
  if (!name.starts_with(kGenerationPrefix) || CurrentText(name) != text) {
    return Lost(kCurrent, "CURRENT is damaged");
  }
  return name;
}

// Without CURRENT nothing was ever acknowledged here, unless it was lost: then a log is there.
absl::Status CheckNew(Directory& root) {
  DR_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, root.List());
  for (const DirectoryEntry& entry : entries) {
    if (!entry.name.starts_with(kGenerationPrefix)) continue;
    absl::StatusOr<std::unique_ptr<Directory>> generation =
        root.OpenDirectory(entry.name, Create::kNever);
    DR_RETURN_IF_ERROR(generation.status());
    absl::StatusOr<std::unique_ptr<Directory>> wal =
        (*generation)->OpenDirectory("wal", Create::kNever);
    if (absl::IsNotFound(wal.status())) continue;
    DR_RETURN_IF_ERROR(wal.status());
    DR_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> files, (*wal)->List());
    if (!files.empty()) return Lost(kCurrent, "CURRENT is missing, but there is a log");
  }
  return absl::OkStatus();
}

absl::Status CreateFirst(Directory& root) {
  DR_RETURN_IF_ERROR(CheckNew(root));
  DR_ASSIGN_OR_RETURN(std::unique_ptr<Directory> generation,
                      root.OpenDirectory(kFirst, Create::kIfMissing));
  for (std::string_view room : {"wal", "store"}) {
    DR_RETURN_IF_ERROR(generation->OpenDirectory(room, Create::kIfMissing).status());
  }
  DR_RETURN_IF_ERROR(generation->Sync());
  DR_RETURN_IF_ERROR(SetAsideUnlessFile(root, kCurrentTemporary));
  DR_ASSIGN_OR_RETURN(
      std::unique_ptr<File> current,
      root.Open(kCurrentTemporary, {.access = Access::kWrite, .create = Create::kIfMissing}));
  DR_RETURN_IF_ERROR(current->Truncate(0));
  DR_RETURN_IF_ERROR(current->WriteAt(0, CurrentText(kFirst)));
  DR_RETURN_IF_ERROR(current->Sync());
  DR_RETURN_IF_ERROR(root.Sync());
  DR_RETURN_IF_ERROR(root.Rename(kCurrentTemporary, kCurrent));
  return root.Sync();
}

absl::StatusOr<std::unique_ptr<Directory>> OpenNamed(Directory& root, const std::string& name) {
  absl::StatusOr<std::unique_ptr<Directory>> directory = root.OpenDirectory(name, Create::kNever);
  if (absl::IsNotFound(directory.status())) {
    return Lost(name, "the generation that CURRENT names is missing");
  }
  return directory;
}

absl::Status OpenRooms(Directory& directory, HostDirectory& host) {
  for (auto [room, place] : {std::pair{"wal", &host.wal}, {"store", &host.store}}) {
    absl::StatusOr<std::unique_ptr<Directory>> opened =
        directory.OpenDirectory(room, Create::kNever);
    if (absl::IsNotFound(opened.status())) {
      return Lost(host.name + "/" + room, "a part of the generation is missing");
    }
    DR_RETURN_IF_ERROR(opened.status());
    *place = *std::move(opened);
  }
  return absl::OkStatus();
}

// Refused here, with the file's name and owner, nothing has been written yet.
absl::Status CheckWritable(Directory& directory) {
  DR_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, directory.List());
  for (const DirectoryEntry& entry : entries) {
    if (entry.type != DirectoryEntry::Type::kFile) continue;
    const absl::Status opened = directory.Open(entry.name, {.access = Access::kWrite}).status();
    if (!opened.ok() && !absl::IsNotFound(opened)) return opened;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DirectoryLock> HostDirectory::Lock(Directory& root) {
  DR_ASSIGN_OR_RETURN(DirectoryLock lock, DirectoryLock::TakeFile(root, kLock));
  const absl::StatusOr<std::string> name = ReadCurrent(root);
  if (absl::IsNotFound(name.status())) return lock;
  DR_RETURN_IF_ERROR(name.status());
  DR_ASSIGN_OR_RETURN(const std::unique_ptr<Directory> directory, OpenNamed(root, *name));
  DR_RETURN_IF_ERROR(lock.Hold(*directory));
  return lock;
}

absl::StatusOr<HostDirectory> HostDirectory::OpenToRead(FileSystem& files, std::string_view path) {
  HostDirectory host;
  DR_ASSIGN_OR_RETURN(host.root, files.OpenDirectory(path, Create::kNever));
  DR_ASSIGN_OR_RETURN(host.name, ReadCurrent(*host.root));
  DR_ASSIGN_OR_RETURN(const std::unique_ptr<Directory> directory, OpenNamed(*host.root, host.name));
  DR_RETURN_IF_ERROR(OpenRooms(*directory, host));
  return host;
}

absl::StatusOr<HostDirectory> HostDirectory::Open(FileSystem& files, std::string_view path) {
  HostDirectory host;
  DR_ASSIGN_OR_RETURN(host.root, files.OpenDirectory(path, Create::kIfMissing));
  DR_ASSIGN_OR_RETURN(host.lock, DirectoryLock::TakeFile(*host.root, kLock));
  absl::StatusOr<std::string> name = ReadCurrent(*host.root);
  if (absl::IsNotFound(name.status())) {
    DR_RETURN_IF_ERROR(CreateFirst(*host.root));
    name = ReadCurrent(*host.root);
  }
  DR_RETURN_IF_ERROR(name.status());
  host.name = *std::move(name);
  DR_ASSIGN_OR_RETURN(const std::unique_ptr<Directory> directory, OpenNamed(*host.root, host.name));
  // Not the root's: a wrapper of the program may have locked that, as flock(1) does.
  DR_RETURN_IF_ERROR(host.lock.Hold(*directory));
  DR_RETURN_IF_ERROR(OpenRooms(*directory, host));
  for (Directory* place : {host.root.get(), host.wal.get()}) {
    DR_RETURN_IF_ERROR(CheckWritable(*place));
  }
  host.lock.Sign();
  return host;
}

}  // namespace dr::inline v0
