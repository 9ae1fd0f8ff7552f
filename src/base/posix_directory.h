// A directory of the machine, by descriptor: what its path leads to later does not matter.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dr/environment/descriptor.h"
#include "dr/environment/file_system.h"
#include "src/base/syscalls.h"

namespace dr::inline v0 {

class PosixDirectory final : public Directory {
 public:
  /// `place` names it in errors.
  PosixDirectory(const Syscalls& system, FileDescriptor fd, std::string place);

  absl::StatusOr<std::unique_ptr<File>> Open(std::string_view name, OpenOptions options) override;
  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(std::string_view name,
                                                           Create create) override;
  absl::StatusOr<FileInfo> Info(std::string_view name) override;
  absl::StatusOr<std::vector<DirectoryEntry>> List() override;
  absl::Status Rename(std::string_view from, std::string_view to) override;
  absl::Status Link(std::string_view from, std::string_view to) override;
  absl::Status Remove(std::string_view name) override;
  absl::Status RemoveDirectory(std::string_view name) override;
  absl::Status Sync() override;
  absl::StatusOr<VolumeInfo> Volume() override;
  absl::StatusOr<DirectoryPermissions> Permissions() override;
  absl::StatusOr<std::unique_ptr<HeldLock>> Lock() override;
  absl::StatusOr<bool> OverwriteInPlace() override;

 private:
  absl::StatusOr<FileDescriptor> OpenBeneath(std::string_view name, int flags);
  absl::Status PrepareFile(const FileDescriptor& fd, WritePath path, bool created,
                           const std::string& place);
  std::string OpeningOf(const char* name) const;

  const Syscalls& system_;
  const FileDescriptor fd_;
  const std::string place_;
};

/// What root makes belongs to the directory's owner, or the service that runs as that user could
/// not open it later.
absl::Status GiveToOwnerOf(const Syscalls& system, const FileDescriptor& directory,
                           const FileDescriptor& made, const std::string& place);

/// What FileSystem::OpenDirectory promises.
absl::StatusOr<std::unique_ptr<Directory>> OpenPosixDirectory(const Syscalls& system,
                                                              std::string_view path, Create create);

/// What the file system beneath `fd` is; `place` names it in errors.
absl::StatusOr<VolumeInfo> PosixVolume(int fd, std::string_view place);

/// What Directory and File promise under these names.
absl::StatusOr<bool> PosixOverwriteInPlace(int directory, std::string_view place);
absl::StatusOr<bool> PosixIsInPlace(int file, std::string_view place);

}  // namespace dr::inline v0
