// The only way from dr to files. Production uses PosixFileSystem; tests use SimFileSystem, which
// loses what was not synced.
//
//   dr::PosixFileSystem files;
//   auto directory = files.OpenDirectory("/var/lib/agent", dr::Create::kIfMissing);
//   auto file = (*directory)->Open(
//       "note", {.access = dr::Access::kWrite, .create = dr::Create::kIfMissing});
//   (*file)->WriteAt(0, "hello");  (*file)->Sync();  (*directory)->Sync();
//
// Names are single path components: a name that is empty, ".", "..", contains '/' or NUL, or is
// longer than 255 bytes is refused with kInvalidArgument before any call. Symbolic links are never
// followed below an opened directory. Files are created 0600, directories 0700.
//
// Errors carry call, name and errno (MakeIoFault): ENOENT is kNotFound, EEXIST kAlreadyExists,
// ENOSPC and EDQUOT kResourceExhausted. So is a write beyond RLIMIT_FSIZE, which is looked up
// before each write because the kernel would end the process by SIGXFSZ; only a limit lowered
// between the look and the write still does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// What an open file is for; kWrite reads too.
enum class Access : std::uint8_t { kRead, kWrite };
/// What becomes of a name that is there, or is not.
enum class Create : std::uint8_t {
  kNever,      ///< kNotFound if it is not there
  kIfMissing,  ///< opened or created
  kExclusive,  ///< kAlreadyExists if it is there
};
/// How bytes reach the device.
enum class WritePath : std::uint8_t {
  kBuffered,  ///< through the page cache; durable after Sync
  kDirect,  ///< past the cache; durable when WriteAt returns. Offset, length and address of writes
            ///< and reads must be multiples of kDirectAlignment. kUnimplemented where the file
            ///< system has no such path, from Open or from the first write.
};
inline constexpr std::size_t kDirectAlignment = 4096;  ///< of WritePath::kDirect, in bytes

/// How a file is opened.
struct OpenOptions {
  Access access = Access::kRead;          ///< what may be done with it
  Create create = Create::kNever;         ///< if there is no such file, or is one
  WritePath path = WritePath::kBuffered;  ///< for writes and reads
};

/// Tells whether an open file is still the one that its name leads to.
struct FileInfo {
  std::uint64_t size = 0;   ///< in bytes
  std::uint64_t inode = 0;  ///< of all that are there at a time no two have the same
  std::uint64_t links = 0;  ///< 0 once the name is gone
  std::uint32_t owner = 0;  ///< a user's number; known from Directory::Info
};

/// An open regular file. Closed by the destructor. WriteAt and ReadAt at distinct ranges may run in
/// parallel; everything else needs one thread at a time.
class DR_EXPORT File {
 public:
  virtual ~File() = default;
  /// Reads until `out` is full or the file ends; returns the bytes read.
  virtual absl::StatusOr<std::size_t> ReadAt(std::uint64_t offset, std::span<char> out) = 0;
  /// Writes all of `data` or fails; after a failure any part of it may be there.
  virtual absl::Status WriteAt(std::uint64_t offset, std::string_view data) = 0;
  /// Makes everything written so far durable (fdatasync). After a failure nothing is known about
  /// any write since the last success, and calling again proves nothing.
  virtual absl::Status Sync() = 0;
  /// Makes it so long; what is added reads as zeros.
  virtual absl::Status Truncate(std::uint64_t size) = 0;
  virtual absl::StatusOr<FileInfo> Info() = 0;  ///< of the file as it is now
  /// Takes the file's exclusive lock until the destructor, or until the process ends, whatever it
  /// has forked. Held elsewhere, in this process too: kUnavailable at once.
  virtual absl::Status Lock() = 0;
  /// Whether what was written can be written again without new space: not where the file system
  /// copies on write, or another file shares the space (a reflink copy, a snapshot).
  virtual absl::StatusOr<bool> IsInPlace();
};

/// The lock of a directory, given back by the destructor. It ends with the process that took it.
class DR_EXPORT HeldLock {
 public:
  virtual ~HeldLock() = default;
};

/// A name in a directory.
struct DirectoryEntry {
  /// A link, a pipe, a device are kOther.
  enum class Type : std::uint8_t { kFile, kDirectory, kOther };
  std::string name;         ///< without the directory
  Type type = Type::kFile;  ///< of what the name leads to
};

/// Whose a directory is, and what others may do there.
struct DirectoryPermissions {
  std::uint32_t owner = 0;  ///< a user's number
  std::uint32_t mode = 0;   ///< the twelve bits of chmod
};

/// What lies beneath a directory, as far as durability is concerned.
struct VolumeInfo {
  std::string type;               ///< "ext4", "tmpfs", "nfs", … or the magic number in hex
  bool survives_power_loss;       ///< false for memory file systems and those that ignore sync
  bool is_network;                ///< locks and conditional creation cannot be trusted
  std::uint64_t free_bytes = 0;   ///< for this process
  std::uint64_t total_bytes = 0;  ///< 0: not known
  std::uint64_t free_files = kNotCounted;                          ///< names that can still be made
  static constexpr std::uint64_t kNotCounted = ~std::uint64_t{0};  ///< there is no such bound
};

/// An open directory; names are relative to it, whatever happens to its path. Thread-safe.
/// Changes of names are durable after Sync.
class DR_EXPORT Directory {
 public:
  virtual ~Directory() = default;
  /// Anything but a regular file is refused with kInvalidArgument.
  virtual absl::StatusOr<std::unique_ptr<File>> Open(std::string_view name,
                                                     OpenOptions options) = 0;
  /// A directory in this one; anything else under the name is kInvalidArgument.
  virtual absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(std::string_view name,
                                                                   Create create) = 0;
  /// Of a regular file, without opening it where the file system has a call for that.
  virtual absl::StatusOr<FileInfo> Info(std::string_view name);
  /// All entries but "." and "..", by name.
  virtual absl::StatusOr<std::vector<DirectoryEntry>> List() = 0;
  /// Replaces `to` if it is there.
  virtual absl::Status Rename(std::string_view from, std::string_view to) = 0;
  /// A second name for a file; where the file system has one name for each, it is moved there.
  /// kAlreadyExists if `to` is there; kUnimplemented where neither can be done. Atomic against
  /// other processes.
  virtual absl::Status Link(std::string_view from, std::string_view to) = 0;
  /// Of a file; kNotFound if it is not there.
  virtual absl::Status Remove(std::string_view name) = 0;
  virtual absl::Status RemoveDirectory(std::string_view name) = 0;  ///< an empty one
  /// Makes the names as they are now durable. After a failure nothing is known about any change
  /// since the last success.
  virtual absl::Status Sync() = 0;
  virtual absl::StatusOr<VolumeInfo> Volume() = 0;  ///< of what it lies on
  /// Of the directory itself. kUnimplemented where there are no users.
  virtual absl::StatusOr<DirectoryPermissions> Permissions();
  /// The exclusive lock of the directory itself, which nobody can remove or replace as they can a
  /// file. Held elsewhere, in this process too: kUnavailable at once. kUnimplemented where there is
  /// none (NFS).
  virtual absl::StatusOr<std::unique_ptr<HeldLock>> Lock();
  /// Asks that what is made here from now on be overwritten where it is, without the new space that
  /// copying on write takes (btrfs: the attribute C). False: the file system has no such files.
  virtual absl::StatusOr<bool> OverwriteInPlace();
};

/// Thread-safe; outlives what it opened.
class DR_EXPORT FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// Opens `path`, absolute or relative to the working directory; the path itself may contain
  /// symbolic links, what is below may not. With a Create, missing parents are made too and
  /// the names are synced, that of a directory which was already there included.
  virtual absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(std::string_view path,
                                                                   Create create) = 0;
  /// The first `bytes_max` bytes of what an operator names: a configuration, credentials. As in
  /// OpenDirectory the path may contain symbolic links, its last name included. Where the file
  /// system has such things it may be a pipe or /dev/stdin, which is read to its end and so waits
  /// for whoever writes it.
  virtual absl::StatusOr<std::string> ReadFile(std::string_view path, std::size_t bytes_max);
};

/// The machine's files.
class DR_EXPORT PosixFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(std::string_view path,
                                                           Create create) override;
  absl::StatusOr<std::string> ReadFile(std::string_view path, std::size_t bytes_max) override;
};

}  // namespace dr::inline v0
