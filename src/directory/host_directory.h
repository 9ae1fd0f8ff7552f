// A host's directory: which process has it, and which of its generations counts.
//
//   DIR/LOCK          held while a host is open, as is the generation itself; names its process
//   DIR/RESERVE       room for a checkpoint on a full disk
//   DIR/CURRENT       names the generation that counts, with a check
//   DIR/g-000001/wal    the log          DIR/g-000001/store    its checkpoints
//
// A switch to another generation renames CURRENT and nothing else, because a directory that is a
// mount point cannot be renamed.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"
#include "src/base/directory_lock.h"

namespace dr::inline v0 {

struct HostDirectory {
  /// Takes the lock (kUnavailable if another host has it), finds CURRENT, or creates the first
  /// generation. A directory whose CURRENT is damaged or gone while a log is there is kDataLoss,
  /// never taken for a new one.
  static absl::StatusOr<HostDirectory> Open(FileSystem& files, std::string_view path);
  /// The generation that counts, without the lock and without creating anything: for tools that
  /// read.
  static absl::StatusOr<HostDirectory> OpenToRead(FileSystem& files, std::string_view path);
  /// Keeps hosts out of the directory `root`; kUnavailable if one has it.
  static absl::StatusOr<DirectoryLock> Lock(Directory& root);

  std::unique_ptr<Directory> root;
  DirectoryLock lock;
  std::string name;  ///< of the generation
  std::unique_ptr<Directory> wal;
  std::unique_ptr<Directory> store;
};

}  // namespace dr::inline v0
