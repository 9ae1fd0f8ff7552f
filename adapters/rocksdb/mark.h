// What a database must have when it is opened again, told apart from what its log says of itself:
// ACKNOWLEDGED, a file beside RocksDB's with the sequence numbers of the last writes that were
// acknowledged. It tells a log whose last record was torn by a kill from one that has lost more.
//
// A page that is written behind each synced write and never synced itself: exact after a kill;
// after a power cut it may be some seconds old, which only makes it ask for less.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"

namespace dr::inline v0 {

/// Thread-safe, one thread at a time for each slot.
class RocksDbMark {
 public:
  static constexpr int kSlots = 64;

  /// Made if it is missing.
  static absl::StatusOr<std::unique_ptr<RocksDbMark>> Open(Directory& directory);

  /// The greatest number when it was opened; none if it was missing, or is not what was written.
  const std::optional<std::uint64_t>& acknowledged() const { return acknowledged_; }
  /// The write with this number, and all before it, count.
  absl::Status Set(int slot, std::uint64_t sequence);
  /// No more than this number counts.
  absl::Status Reset(std::uint64_t sequence);

 private:
  explicit RocksDbMark(std::unique_ptr<File> file) : file_(std::move(file)) {}
  absl::Status Read();

  const std::unique_ptr<File> file_;
  std::optional<std::uint64_t> acknowledged_;
};

}  // namespace dr::inline v0
