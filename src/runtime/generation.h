// A host's directory: who has it, and which generation of it counts.
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
#include "dr/file_system.h"
#include "src/base/directory_lock.h"

namespace dr::inline v0 {

struct Generation {
  std::unique_ptr<Directory> root;
  DirectoryLock lock;
  std::string name;
  std::unique_ptr<Directory> wal;
  std::unique_ptr<Directory> store;
};

/// Takes the lock (kUnavailable if another host has it), finds CURRENT, or creates the first
/// generation. A directory whose CURRENT is damaged or gone while a log is there is kDataLoss,
/// never taken for a new one.
absl::StatusOr<Generation> OpenGeneration(FileSystem& files, std::string_view path);

/// Keeps hosts out of the directory; kUnavailable if one has it.
absl::StatusOr<DirectoryLock> LockGeneration(Directory& root);

/// The generation that counts, without the lock and without creating anything: for tools that read.
absl::StatusOr<Generation> PeekGeneration(FileSystem& files, std::string_view path);

}  // namespace dr::inline v0
