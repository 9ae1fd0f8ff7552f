// A regular file of the machine.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "dr/environment/descriptor.h"
#include "dr/environment/file_system.h"
#include "src/base/posix_lock.h"
#include "src/base/syscalls.h"

namespace dr::inline v0 {

class PosixFile final : public File {
 public:
  /// `fd` must be a regular file that was opened for `path`; `place` names it in errors.
  PosixFile(const Syscalls& system, FileDescriptor fd, WritePath path, std::string place);
  ~PosixFile() override;

  absl::StatusOr<std::size_t> ReadAt(std::uint64_t offset, std::span<char> out) override;
  absl::Status WriteAt(std::uint64_t offset, std::string_view data) override;
  absl::Status Sync() override;
  absl::Status Truncate(std::uint64_t size) override;
  absl::StatusOr<FileInfo> Info() override;
  absl::Status Lock() override;
  absl::StatusOr<bool> IsInPlace() override;

 private:
  absl::Status CheckSizeLimit(std::string_view call, std::uint64_t end) const;
  absl::Status SetLock(short type) const;

  const Syscalls& system_;
  const FileDescriptor fd_;
  const WritePath path_;
  const std::string place_;
  std::optional<LockDescriptor> lock_;  // of the same file, absent: not locked
};

}  // namespace dr::inline v0
