// Room on the disk for one checkpoint more: without it, a full disk would keep the log from ever
// being trimmed.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"

namespace dr::inline v0 {

/// A file of zeros, given up when nothing else is left. Not thread-safe.
class Reserve {
 public:
  static constexpr std::string_view kName = "RESERVE";

  /// What an earlier process has put aside counts. `directory` outlives the reserve.
  static absl::StatusOr<Reserve> Open(Directory& directory);

  /// Puts `bytes` aside, or a little more; if there is not enough room, as much as there is.
  absl::Status Keep(std::uint64_t bytes);
  /// Gives the room back. False if there was nothing put aside.
  absl::StatusOr<bool> Release();
  std::uint64_t bytes() const { return bytes_; }

 private:
  Reserve(Directory& directory, std::uint64_t bytes) : directory_(&directory), bytes_(bytes) {}
  absl::Status Grow(File& file, std::uint64_t bytes);

  Directory* directory_;
  std::uint64_t bytes_;
};

}  // namespace dr::inline v0
