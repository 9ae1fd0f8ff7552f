// Reads the groups of one segment file in order, and knows where and why it had to stop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"
#include "dr/log/segment.h"
#include "src/log/log_file_name.h"

namespace dr::inline v0 {

/// A segment of a log directory and the place where it ends; behind that place nothing counts.
struct LogSegment {
  LogFileName name;
  SegmentPrefix prefix;
  std::uint64_t prefix_hash = 0;
  std::uint64_t file_bytes = 0;
  bool continues = false;  ///< it begins inside a record of the segment before
  SegmentEnd end = {};     ///< fixed by the successor; open-ended (offset 0) for the newest
};

/// Opens the file and decodes its prefix. kDataLoss where that is damaged.
absl::StatusOr<LogSegment> OpenLogSegment(Directory& directory, std::string_view name,
                                          std::unique_ptr<File>& file);

struct Group {
  GroupHeader header;
  std::string_view bytes;
  std::uint64_t offset = 0;
};

class GroupReader {
 public:
  /// Both outlive the reader.
  GroupReader(File& file, const LogSegment& segment);

  /// The next group of the chain before `limit`; nullopt where there is none, which is for the
  /// caller to judge. An error is a failed read, never a bad group. Views are valid until the next
  /// call.
  absl::StatusOr<std::optional<Group>> Next(std::uint64_t limit);
  std::uint64_t offset() const { return offset_; }  ///< where the next group starts
  std::uint64_t hash() const { return hash_; }      ///< what it must chain to
  Lsn next_lsn() const { return next_lsn_; }
  bool footer_seen() const { return footer_seen_; }
  /// Why there was no group: a short phrase for an error message.
  std::string_view reason() const { return reason_; }

  /// The highest durable_lsn recorded by any header of this segment at or behind the place of the
  /// stop, however broken what lies between; and the number of such headers.
  struct Evidence {
    Lsn durable_lsn = {};
    std::uint64_t headers = 0;
    std::uint64_t written_end = 0;  ///< behind the last block that is not all zero
  };
  absl::StatusOr<Evidence> ScanBehind();

 private:
  absl::StatusOr<std::string_view> Window(std::uint64_t offset, std::uint64_t bytes,
                                          std::uint64_t limit);

  File& file_;
  const LogSegment& segment_;
  std::uint64_t offset_;
  std::uint64_t hash_;
  Lsn next_lsn_;
  bool footer_seen_ = false;
  std::string_view reason_;
  std::vector<char> window_;
  std::uint64_t window_start_ = 0, window_size_ = 0;
};

/// kDataLoss: a place that recorded evidence says was durable is not as it was written.
absl::Status CorruptLog(std::string_view segment, std::uint64_t offset, Lsn lsn,
                        std::string_view what);

}  // namespace dr::inline v0
