// Reads records across the segments of a log directory, strictly: within the bounds it is given,
// everything must be as it was written.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"
#include "dr/log/wal.h"
#include "src/log/group_reader.h"

namespace dr::inline v0 {

/// What a reader may see of one segment.
struct SegmentExtent {
  LogSegment segment;
  std::uint64_t limit = 0;  ///< bytes that count
  Lsn last_lsn = {};        ///< records behind it are dead, even within the limit
  Lsn visible = {};         ///< records behind it may become durable later, or never
  bool newest = false;      ///< the limit may grow
};

/// What a reader asks of the log. Both tell of a fault kWalGap for what was trimmed.
struct LogMap {
  /// A segment in which `lsn` is, or one behind that.
  absl::AnyInvocable<absl::StatusOr<std::uint64_t>(Lsn lsn) const> segment_with;
  absl::AnyInvocable<absl::StatusOr<SegmentExtent>(std::uint64_t number) const> locate;
};

class LogReader final : public WalReader {
 public:
  /// Starts at `from`. `directory` outlives the reader.
  static absl::StatusOr<std::unique_ptr<LogReader>> Open(Directory& directory, LogMap map,
                                                         Lsn from);

  absl::StatusOr<std::optional<RecordView>> Next() override;

 private:
  LogReader(Directory& directory, LogMap map, Lsn from);
  absl::Status Enter();
  absl::Status EnterSegment(std::uint64_t number);
  absl::Status LookAgain();
  absl::Status Read(std::optional<RecordView>& record);
  /// False: nothing more for now.
  absl::StatusOr<bool> NextGroup();
  absl::StatusOr<bool> NextGroupFromHere();
  absl::Status Located(absl::Status status) const;

  Directory& directory_;
  LogMap map_;
  Lsn from_;  ///< what the caller gets next
  SegmentExtent extent_;
  std::unique_ptr<File> file_;
  std::optional<GroupReader> groups_;
  RecordReader records_;
  std::optional<RecordView> held_back_;  ///< read, but not visible yet
  bool first_group_ = true;              ///< of the current segment
  bool entered_midway_ = true;           ///< nothing was read before the current segment
};

}  // namespace dr::inline v0
