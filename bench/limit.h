// The limit: a bare loop that does for the same records only what physics demands: a copy, a hash,
// a write past the page cache into a file that was written before, and a wake-up of those who wait.
// No order among segments, no recovery, no errors but its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace bench {

/// A file that was written once, and is written over from its beginning when its end is reached.
class BareLog {
 public:
  static absl::StatusOr<std::unique_ptr<BareLog>> Open(const std::string& directory);
  ~BareLog();
  BareLog(const BareLog&) = delete;
  BareLog& operator=(const BareLog&) = delete;

  /// Records per second of `threads` writers, each of which hands over `window` records and waits
  /// until they are synced: the better of one group at a time and two groups in flight.
  absl::StatusOr<double> Durable(std::size_t bytes, int threads, int window, double seconds);
  /// Records per second of one writer who waits for nothing, while another thread writes what is
  /// complete.
  absl::StatusOr<double> Buffered(std::size_t bytes, double seconds);
  /// Writes as one system call where the file system has such writes, else write and fdatasync.
  absl::Status Write(const char* data, std::size_t bytes, std::uint64_t offset) const;

 private:
  BareLog(int fd, bool direct) : fd_(fd), direct_(direct) {}

  int fd_;
  bool direct_;
};

}  // namespace bench
