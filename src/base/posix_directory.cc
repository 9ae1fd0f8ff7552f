#include "src/base/posix_directory.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/file_rules.h"
#include "src/base/posix_file.h"
#include "src/base/posix_lock.h"

namespace dr::inline v0 {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

DirectoryEntry::Type TypeOf(mode_t mode) {
  if (S_ISREG(mode)) return DirectoryEntry::Type::kFile;
  if (S_ISDIR(mode)) return DirectoryEntry::Type::kDirectory;
  return DirectoryEntry::Type::kOther;
}

int CreateFlags(Create create) {
  switch (create) {
    case Create::kNever:
      return 0;
    case Create::kIfMissing:
      return O_CREAT;
    case Create::kExclusive:
      return O_CREAT | O_EXCL;
  }
  return 0;
}

// A checked name with the zero at its end that system calls want. Takes no memory, because renaming
// belongs to what may not fail for want of any.
class CName {
 public:
  explicit CName(std::string_view name) { text_[name.copy(text_.data(), text_.size() - 1)] = '\0'; }
  const char* c_str() const { return text_.data(); }

 private:
  std::array<char, kNameBytesMax + 1> text_;
};

absl::Status NotRegular(const std::string& place) {
  return MakeFault({.kind = FaultKind::kInvalid, .place = place, .next = "move it away"},
                   "not a regular file");
}

class PosixHeldLock final : public HeldLock {
 public:
  PosixHeldLock(const Syscalls& system, int directory)
      : system_(system), fd_([&] {
          return Uninterrupted([&] {
            return system_.OpenAt(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
          });
        }) {}
  // Not left to close(): a child that was not forked by fork() may have a copy.
  ~PosixHeldLock() override {
    if (fd_.valid()) static_cast<void>(system_.Flock(fd_.get(), LOCK_UN));
  }

  absl::Status Take(const std::string& place) {
    if (!fd_.valid()) return MakeIoFault("open for a lock", place, errno);
    if (Uninterrupted([&] { return system_.Flock(fd_.get(), LOCK_EX | LOCK_NB); }) == 0) {
      return absl::OkStatus();
    }
    // NFS makes it a lock on bytes, which a directory has not; others have no locks at all.
    const bool none = errno == EBADF || errno == EINVAL || errno == ENOLCK || errno == ENOTSUP;
    return MakeIoFault("flock", place, none ? ENOSYS : errno);
  }

 private:
  const Syscalls& system_;
  const LockDescriptor fd_;
};

struct CloseStream {
  void operator()(DIR* stream) const { closedir(stream); }
};

}  // namespace

// If that is refused, the file stays root's: a container's root may lack the right.
absl::Status GiveToOwnerOf(const Syscalls& system, const FileDescriptor& directory,
                           const FileDescriptor& made, const std::string& place) {
  if (system.Geteuid() != 0) return absl::OkStatus();
  struct stat above {};
  struct stat info {};
  if (system.Fstat(directory.get(), &above) != 0 || system.Fstat(made.get(), &info) != 0) {
    return MakeIoFault("fstat", place, errno);
  }
  if (info.st_uid != 0 || above.st_uid == 0) return absl::OkStatus();
  if (system.Fchown(made.get(), above.st_uid, above.st_gid) == 0 || errno == EPERM) {
    return absl::OkStatus();
  }
  return MakeIoFault("fchown", place, errno);
}

PosixDirectory::PosixDirectory(const Syscalls& system, FileDescriptor fd, std::string place)
    : system_(system), fd_(std::move(fd)), place_(std::move(place)) {}

absl::StatusOr<FileDescriptor> PosixDirectory::OpenBeneath(std::string_view name, int flags) {
  const CName path(name);
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW);
  how.mode = (flags & O_CREAT) != 0 ? kFileMode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  FileDescriptor fd(Uninterrupted([&] { return system_.OpenAt2(fd_.get(), path.c_str(), how); }));
  // Kernels before 5.6 and some sandboxes lack openat2; for a single component this is the same.
  if (!fd.valid() && (errno == ENOSYS || errno == EPERM)) {
    fd = FileDescriptor(Uninterrupted([&] {
      return system_.OpenAt(fd_.get(), path.c_str(), static_cast<int>(how.flags), kFileMode);
    }));
  }
  if (fd.valid()) return fd;
  const int error = errno;
  return MakeIoFault(error == EACCES ? OpeningOf(path.c_str()) : "open",
                     JoinForMessage(place_, name), error);
}

std::string PosixDirectory::OpeningOf(const char* name) const {
  struct stat info {};
  if (fstatat(fd_.get(), name, &info, AT_SYMLINK_NOFOLLOW) != 0) return "open";
  return fmt::format("open (it belongs to user {}, and this is user {})", info.st_uid,
                     system_.Geteuid());
}

absl::Status PosixDirectory::PrepareFile(const FileDescriptor& fd, WritePath path, bool created,
                                         const std::string& place) {
  struct stat info {};
  if (system_.Fstat(fd.get(), &info) != 0) return MakeIoFault("fstat", place, errno);
  if (!S_ISREG(info.st_mode)) return NotRegular(place);
  if (created) DR_RETURN_IF_ERROR(GiveToOwnerOf(system_, fd_, fd, place));
  // O_DIRECT comes now and not with open(), which leaves an empty file behind where it refuses.
  if (path == WritePath::kDirect &&
      Uninterrupted([&] { return system_.SetFlags(fd.get(), O_DIRECT); }) != 0) {
    return MakeIoFault("open for direct writes", place, errno == EINVAL ? EOPNOTSUPP : errno);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<File>> PosixDirectory::Open(std::string_view name,
                                                           OpenOptions options) {
  DR_RETURN_IF_ERROR(CheckFileName(name));
  std::string place = JoinForMessage(place_, name);
  // Without O_NONBLOCK a FIFO would hang here.
  const int flags = (options.access == Access::kWrite ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY |
                    (options.path == WritePath::kDirect ? O_DSYNC : 0) |
                    CreateFlags(options.create);
  DR_ASSIGN_OR_RETURN(FileDescriptor fd, OpenBeneath(name, flags));
  if (absl::Status s = PrepareFile(fd, options.path, options.create != Create::kNever, place);
      !s.ok()) {
    if (options.create == Create::kExclusive) unlinkat(fd_.get(), CName(name).c_str(), 0);
    return s;
  }
  return std::make_unique<PosixFile>(system_, std::move(fd), options.path, std::move(place));
}

absl::StatusOr<std::unique_ptr<Directory>> PosixDirectory::OpenDirectory(std::string_view name,
                                                                         Create create) {
  DR_RETURN_IF_ERROR(CheckFileName(name));
  std::string place = JoinForMessage(place_, name);
  if (create != Create::kNever &&
      system_.MkdirAt(fd_.get(), CName(name).c_str(), kDirectoryMode) != 0 &&
      (errno != EEXIST || create == Create::kExclusive)) {
    return MakeIoFault("mkdir", place, errno);
  }
  DR_ASSIGN_OR_RETURN(FileDescriptor fd, OpenBeneath(name, O_RDONLY | O_DIRECTORY));
  if (create != Create::kNever) DR_RETURN_IF_ERROR(GiveToOwnerOf(system_, fd_, fd, place));
  return std::make_unique<PosixDirectory>(system_, std::move(fd), std::move(place));
}

absl::StatusOr<FileInfo> PosixDirectory::Info(std::string_view name) {
  DR_RETURN_IF_ERROR(CheckFileName(name));
  struct stat info {};
  if (fstatat(fd_.get(), CName(name).c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return MakeIoFault("fstatat", JoinForMessage(place_, name), errno);
  }
  if (!S_ISREG(info.st_mode)) return NotRegular(JoinForMessage(place_, name));
  return FileInfo{.size = static_cast<std::uint64_t>(info.st_size),
                  .inode = info.st_ino,
                  .links = info.st_nlink,
                  .owner = info.st_uid};
}

absl::StatusOr<std::vector<DirectoryEntry>> PosixDirectory::List() {
  // A descriptor of its own: the position in the listing belongs to the open description.
  FileDescriptor fd(Uninterrupted(
      [&] { return system_.OpenAt(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0); }));
  if (!fd.valid()) return MakeIoFault("open", place_, errno);
  std::unique_ptr<DIR, CloseStream> stream(fdopendir(fd.get()));
  if (!stream) return MakeIoFault("fdopendir", place_, errno);
  fd.Release();
  std::vector<DirectoryEntry> entries;
  for (errno = 0; const dirent* next = readdir(stream.get()); errno = 0) {
    std::string name = next->d_name;
    if (name == "." || name == "..") continue;
    auto type = TypeOf(DTTOIF(next->d_type));
    if (next->d_type == DT_UNKNOWN) {
      struct stat info {};
      if (fstatat(fd_.get(), next->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;  // removed since
        return MakeIoFault("fstatat", JoinForMessage(place_, name), errno);
      }
      type = TypeOf(info.st_mode);
    }
    entries.push_back({.name = std::move(name), .type = type});
  }
  if (errno != 0) return MakeIoFault("readdir", place_, errno);
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  return entries;
}

absl::Status PosixDirectory::Rename(std::string_view from, std::string_view to) {
  DR_RETURN_IF_ERROR(CheckFileName(from));
  DR_RETURN_IF_ERROR(CheckFileName(to));
  if (renameat(fd_.get(), CName(from).c_str(), fd_.get(), CName(to).c_str()) == 0) {
    return absl::OkStatus();
  }
  return MakeIoFault("rename", JoinForMessage(place_, from), errno);
}

absl::Status PosixDirectory::Link(std::string_view from, std::string_view to) {
  DR_RETURN_IF_ERROR(CheckFileName(from));
  DR_RETURN_IF_ERROR(CheckFileName(to));
  const CName old_name(from), new_name(to);
  if (system_.LinkAt(fd_.get(), old_name.c_str(), new_name.c_str()) == 0) return absl::OkStatus();
  const int error = errno;
  const bool no_links = error == EPERM || error == EOPNOTSUPP || error == ENOSYS;
  if (!no_links || !Info(from).ok()) {  // a folder has no second name anywhere
    return MakeIoFault("link", JoinForMessage(place_, error == EEXIST ? to : from), error);
  }
  if (system_.RenameAt2(fd_.get(), old_name.c_str(), new_name.c_str(), RENAME_NOREPLACE) == 0) {
    return absl::OkStatus();
  }
  if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) {
    return MakeFault({.kind = FaultKind::kUnsupported,
                      .place = JoinForMessage(place_, to),
                      .next = "use another file system (ext4, xfs, btrfs)"},
                     "this file system has neither hard links nor a rename that replaces nothing");
  }
  return MakeIoFault("rename", JoinForMessage(place_, errno == EEXIST ? to : from), errno);
}

absl::Status PosixDirectory::Remove(std::string_view name) {
  DR_RETURN_IF_ERROR(CheckFileName(name));
  if (unlinkat(fd_.get(), CName(name).c_str(), 0) == 0) return absl::OkStatus();
  return MakeIoFault("unlink", JoinForMessage(place_, name), errno);
}

absl::Status PosixDirectory::RemoveDirectory(std::string_view name) {
  DR_RETURN_IF_ERROR(CheckFileName(name));
  if (unlinkat(fd_.get(), CName(name).c_str(), AT_REMOVEDIR) == 0) return absl::OkStatus();
  return MakeIoFault("rmdir", JoinForMessage(place_, name), errno == EEXIST ? ENOTEMPTY : errno);
}

absl::Status PosixDirectory::Sync() {
  if (Uninterrupted([&] { return system_.Fsync(fd_.get()); }) == 0) return absl::OkStatus();
  return MakeIoFault("fsync", place_, errno);
}

absl::StatusOr<bool> PosixDirectory::OverwriteInPlace() {
  return PosixOverwriteInPlace(fd_.get(), place_);
}

absl::StatusOr<std::unique_ptr<HeldLock>> PosixDirectory::Lock() {
  auto lock = std::make_unique<PosixHeldLock>(system_, fd_.get());
  DR_RETURN_IF_ERROR(lock->Take(place_));
  return lock;
}

absl::StatusOr<VolumeInfo> PosixDirectory::Volume() { return PosixVolume(fd_.get(), place_); }

absl::StatusOr<DirectoryPermissions> PosixDirectory::Permissions() {
  struct stat info {};
  if (system_.Fstat(fd_.get(), &info) != 0) return MakeIoFault("fstat", place_, errno);
  return DirectoryPermissions{.owner = info.st_uid, .mode = info.st_mode & 07777};
}

}  // namespace dr::inline v0
