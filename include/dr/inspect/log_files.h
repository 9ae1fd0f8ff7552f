// The files of a log as they are on the disk, without a judgement of the whole.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/export.h"
#include "dr/inspect/stored_host.h"
#include "dr/log/segment.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// A group of records in a segment.
struct GroupInFile {
  std::uint64_t offset = 0;  ///< in the file, in bytes
  GroupHeader header = {};   ///< as it was read
};

/// Where the chain of groups of a segment stops, and what is found behind.
struct ChainStop {
  std::uint64_t offset = 0;          ///< in the file, in bytes
  Lsn next_lsn = {};                 ///< with which the chain would go on
  std::string reason = {};           ///< a short phrase
  std::uint64_t headers_behind = 0;  ///< of groups, readable ones
  Lsn durable_lsn_behind = {};       ///< the highest that one of them records
};

/// One file of the log.
struct SegmentFileInfo {
  std::uint64_t number = 0;  ///< by its name
  std::string name = {};     ///< in the folder of the log
  std::uint64_t bytes = 0;   ///< its length
  /// Or why it cannot be read; then nothing below is known.
  absl::StatusOr<SegmentPrefix> prefix = absl::UnknownError("");
  std::vector<GroupInFile> groups = {};  ///< of the chain, in order
  ChainStop stop = {};                   ///< the end of the chain
};

/// The files of a log.
struct LogFiles {
  std::uint64_t head = 0;                      ///< the segment that HEAD names; 0: none
  std::vector<SegmentFileInfo> segments = {};  ///< by number
  absl::Status damage = absl::OkStatus();  ///< the first prefix that cannot be read, HEAD's last
};

/// Reads every segment that is there, needed or not. kUnavailable: it changes faster than it can be
/// read.
DR_EXPORT absl::StatusOr<LogFiles> InspectLog(const StoredHost& host);

}  // namespace dr::inline v0
