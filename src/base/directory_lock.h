// The lock of a directory, which one process at a time may have.
//
//   DR_ASSIGN_OR_RETURN(DirectoryLock lock, DirectoryLock::Take(directory, "LOCK"));
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// Two locks that stand for one: that of a file, which names its process and works on network file
/// systems too, and that of a directory, which a cleaner of old files cannot take away. Held
/// elsewhere: kUnavailable, and a fault kBusy that names the other process.
class DR_EXPORT DirectoryLock {
 public:
  /// Holds nothing.
  DirectoryLock() = default;
  /// Takes the lock of the file `name` in `directory`, which is made if missing, and that of
  /// `directory`.
  static absl::StatusOr<DirectoryLock> Take(Directory& directory, std::string_view name);
  /// For a directory that others may lock for reasons of their own: takes the file's only, and Hold
  /// that of a directory beneath.
  static absl::StatusOr<DirectoryLock> TakeFile(Directory& directory, std::string_view name);
  absl::Status Hold(Directory& directory);
  /// Writes this process's number into the file, for the message that other processes get.
  void Sign();
  void Release() { *this = DirectoryLock(); }

 private:
  std::string name_;
  std::unique_ptr<File> file_;
  std::unique_ptr<HeldLock> held_;
};

}  // namespace dr::inline v0
