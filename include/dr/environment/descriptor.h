// Open descriptors that are never one of the standard streams.
//
// A program may run with its standard streams closed. The kernel gives the lowest free number, so
// that a file or a socket which is opened then gets 0, 1 or 2, and what the program prints lands in
// it. FileDescriptor moves what its owner opens; around a call of a library that opens descriptors
// of its own, StandardStreams takes the numbers meanwhile:
//
//   dr::FileDescriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
//   if (!fd.valid()) return dr::MakeIoFault("socket", place, errno);
//
//   const dr::StandardStreams taken;
//   connection = redisConnect(…);
#pragma once

#include <utility>

#include "dr/export.h"

namespace dr::inline v0 {

/// One open descriptor with one owner. As a value: not thread-safe.
class DR_EXPORT FileDescriptor {
 public:
  FileDescriptor() = default;
  /// Takes what a call has opened, or -1 of one that failed. A number below 3 is changed, which
  /// needs another to be free: else the descriptor is closed, and this is not valid. Either way
  /// errno says why.
  explicit FileDescriptor(int fd);
  /// `other` is not valid any more.
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  /// `other` gets the one that was here.
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor();

  /// Still owned here; -1: none.
  int get() const { return fd_; }
  /// Whether there is one.
  bool valid() const { return fd_ >= 0; }
  /// The caller closes it from now on.
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// While any of these lives, nothing that the process opens gets a number from 0 to 2. Reading and
/// writing those that were closed fails as before (EBADF). Thread-safe.
class DR_EXPORT StandardStreams {
 public:
  StandardStreams();
  ~StandardStreams();
  StandardStreams(const StandardStreams&) = delete;
  StandardStreams& operator=(const StandardStreams&) = delete;
};

}  // namespace dr::inline v0
