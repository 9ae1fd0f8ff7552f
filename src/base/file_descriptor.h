// An open descriptor with one owner, never one of the standard streams.
#pragma once

#include <unistd.h>

#include <utility>

#include "src/base/posix_streams.h"

namespace dr::inline v0 {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  /// Takes `fd`, which may have to change its number; errno is that of the call that gave it.
  explicit FileDescriptor(int fd) : fd_(AboveStandardStreams(fd)) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  // Linux has closed the descriptor whatever close() says; trying again could hit another's.
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace dr::inline v0
