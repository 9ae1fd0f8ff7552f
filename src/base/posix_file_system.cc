// Paths from outside, which may go through symbolic links; what lies below them is
// PosixDirectory's.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "dr/environment/file_system.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/posix_directory.h"

namespace dr::inline v0 {
namespace {

constexpr int kOpenFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

FileDescriptor OpenPath(const Syscalls& system, int directory, const std::string& path) {
  return FileDescriptor(
      Uninterrupted([&] { return system.OpenAt(directory, path.c_str(), kOpenFlags, 0); }));
}

absl::Status SyncDirectory(const Syscalls& system, const FileDescriptor& fd,
                           const std::string& place) {
  if (Uninterrupted([&] { return system.Fsync(fd.get()); }) == 0) return absl::OkStatus();
  return MakeIoFault("fsync", place, errno);
}

// The process that made the directory may have been killed before it could sync the name, so it is
// synced again. A mount point has no name to sync, and an unreadable parent belongs to another
// user.
absl::Status SyncNameOf(const Syscalls& system, const FileDescriptor& fd, const std::string& path) {
  const FileDescriptor parent = OpenPath(system, fd.get(), "..");
  if (!parent.valid() && errno == EACCES) return absl::OkStatus();
  if (!parent.valid()) return MakeIoFault("open the parent", path, errno);
  struct stat info {};
  struct stat parent_info {};
  if (system.Fstat(fd.get(), &info) != 0 || system.Fstat(parent.get(), &parent_info) != 0) {
    return MakeIoFault("fstat", path, errno);
  }
  if (info.st_dev != parent_info.st_dev) return absl::OkStatus();
  return SyncDirectory(system, parent, path);
}

struct SplitPath {
  std::string parent;
  std::string name;
};

SplitPath Split(std::string path) {
  while (path.size() > 1 && (path.back() == '/' || path.ends_with("/."))) path.pop_back();
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return {.parent = ".", .name = std::move(path)};
  return {.parent = slash == 0 ? "/" : path.substr(0, slash), .name = path.substr(slash + 1)};
}

absl::StatusOr<FileDescriptor> OpenOrMake(const Syscalls& system, const std::string& path,
                                          Create create) {
  FileDescriptor fd = OpenPath(system, AT_FDCWD, path);
  if (fd.valid()) {
    if (create == Create::kExclusive) return MakeIoFault("mkdir", path, EEXIST);
    if (create == Create::kIfMissing) DR_RETURN_IF_ERROR(SyncNameOf(system, fd, path));
    return fd;
  }
  const SplitPath split = Split(path);
  if (errno != ENOENT || create == Create::kNever || split.name.empty() || split.name == "." ||
      split.name == "..") {
    return MakeIoFault("open", path, errno);
  }
  DR_ASSIGN_OR_RETURN(FileDescriptor parent, OpenOrMake(system, split.parent, Create::kIfMissing));
  constexpr mode_t kMode = 0700;
  if (system.MkdirAt(parent.get(), split.name.c_str(), kMode) != 0 &&
      (errno != EEXIST || create == Create::kExclusive)) {
    return MakeIoFault("mkdir", path, errno);
  }
  DR_RETURN_IF_ERROR(SyncDirectory(system, parent, split.parent));
  fd = OpenPath(system, parent.get(), split.name);
  if (!fd.valid()) return MakeIoFault("open", path, errno);
  DR_RETURN_IF_ERROR(GiveToOwnerOf(system, parent, fd, path));
  return fd;
}

}  // namespace

absl::StatusOr<FileInfo> Directory::Info(std::string_view name) {
  DR_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, Open(name, {}));
  return file->Info();
}

absl::StatusOr<bool> File::IsInPlace() { return true; }

absl::StatusOr<bool> Directory::OverwriteInPlace() { return true; }

absl::StatusOr<DirectoryPermissions> Directory::Permissions() {
  return MakeFault({.kind = FaultKind::kUnsupported, .next = "use the machine's file system"},
                   "this directory has no owner");
}

absl::StatusOr<std::unique_ptr<HeldLock>> Directory::Lock() {
  return MakeFault({.kind = FaultKind::kUnsupported, .next = "lock a file in it"},
                   "this directory has no lock of its own");
}

absl::StatusOr<std::string> FileSystem::ReadFile(std::string_view path, std::size_t bytes_max) {
  const SplitPath split = Split(std::string(path));
  DR_ASSIGN_OR_RETURN(const std::unique_ptr<Directory> directory,
                      OpenDirectory(split.parent, Create::kNever));
  DR_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, directory->Open(split.name, {}));
  DR_ASSIGN_OR_RETURN(const FileInfo info, file->Info());
  std::string text(std::min<std::uint64_t>(info.size, bytes_max), '\0');
  DR_ASSIGN_OR_RETURN(const std::size_t read, file->ReadAt(0, text));
  text.resize(read);
  return text;
}

absl::StatusOr<std::unique_ptr<Directory>> OpenPosixDirectory(const Syscalls& system,
                                                              std::string_view path,
                                                              Create create) {
  if (path.empty() || path.find('\0') != path.npos) {
    return MakeFault(
        {.kind = FaultKind::kInvalid, .place = std::string(path), .next = "name a directory"},
        "not a path");
  }
  std::string place(path);
  DR_ASSIGN_OR_RETURN(FileDescriptor fd, OpenOrMake(system, place, create));
  return std::make_unique<PosixDirectory>(system, std::move(fd), std::move(place));
}

absl::StatusOr<std::unique_ptr<Directory>> PosixFileSystem::OpenDirectory(std::string_view path,
                                                                          Create create) {
  static constinit const Syscalls kSystem;
  return OpenPosixDirectory(kSystem, path, create);
}

absl::StatusOr<std::string> PosixFileSystem::ReadFile(std::string_view path,
                                                      std::size_t bytes_max) {
  const std::string place(path);
  const auto failed = [&](std::string_view call) {
    const int error = errno;
    const absl::Status status = MakeIoFault(call, place, error);
    if (!absl::IsInvalidArgument(status)) return status;
    return MakeFault({.kind = FaultKind::kInvalid,
                      .place = place,
                      .next = "name a file, a pipe, or a symbolic link to one"},
                     fmt::format("{} failed: {}", call, std::generic_category().message(error)));
  };
  const FileDescriptor fd(
      Uninterrupted([&] { return open(place.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY); }));
  if (!fd.valid()) return failed("open");
  std::string text;
  for (std::size_t got = 1; got != 0 && text.size() < bytes_max;) {
    constexpr std::size_t kPieceBytes = 64 << 10;
    const std::size_t before = text.size();
    text.resize(before + std::min(kPieceBytes, bytes_max - before));
    const ssize_t result =
        Uninterrupted([&] { return read(fd.get(), &text[before], text.size() - before); });
    if (result < 0) return failed("read");
    got = static_cast<std::size_t>(result);
    text.resize(before + got);
  }
  return text;
}

}  // namespace dr::inline v0
