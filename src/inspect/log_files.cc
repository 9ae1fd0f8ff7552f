#include "dr/inspect/log_files.h"

#include <memory>
#include <optional>
#include <utility>

#include "dr/status_macros.h"
#include "src/base/out_of_memory.h"
#include "src/inspect/settled.h"
#include "src/inspect/stored_host_parts.h"
#include "src/log/group_reader.h"
#include "src/log/log_recovery.h"
#include "src/log/segment_files.h"

namespace dr::inline v0 {
namespace {

absl::Status ReadGroups(Directory& wal, const LogSegment& segment, SegmentFileInfo& info) {
  info.name = std::string(segment.name.view());
  info.bytes = segment.file_bytes;
  info.prefix = segment.prefix;
  std::unique_ptr<File> file;
  DR_RETURN_IF_ERROR(OpenLogSegment(wal, segment.name, file).status());
  GroupReader groups(*file, segment);
  for (;;) {
    DR_ASSIGN_OR_RETURN(const std::optional<Group> group, groups.Next(segment.file_bytes));
    if (!group) break;
    info.groups.push_back({group->offset, group->header});
  }
  info.stop = {.offset = groups.offset(),
               .next_lsn = groups.next_lsn(),
               .reason = std::string(groups.reason())};
  DR_ASSIGN_OR_RETURN(const GroupReader::Evidence behind, groups.ScanBehind());
  info.stop.headers_behind = behind.headers;
  info.stop.durable_lsn_behind = behind.durable_lsn;
  return absl::OkStatus();
}

absl::StatusOr<LogFiles> ReadFiles(Directory& wal) {
  DR_ASSIGN_OR_RETURN(const ObservedDirectory observed, ObserveDirectory(wal));
  LogFiles files;
  for (const ObservedSegment& found : observed.segments) {
    SegmentFileInfo info{.number = found.number};
    absl::Status read = found.segment.status();
    if (read.ok()) {
      read = ReadGroups(wal, *found.segment, info);
    } else {
      info.prefix = read;
    }
    // A file that was trimmed meanwhile may hold another segment by now.
    if (absl::IsNotFound(wal.Info(SegmentName(found.number)).status())) continue;
    if (!read.ok() && found.segment.ok()) return read;
    files.damage.Update(read);
    files.segments.push_back(std::move(info));
  }
  if (observed.head && observed.head->ok()) files.head = (*observed.head)->number;
  if (observed.head) files.damage.Update(observed.head->status());
  return files;
}

}  // namespace

absl::StatusOr<LogFiles> InspectLog(const StoredHost& host) {
  return WithinMemory(
      [&] { return Settled([&] { return ReadFiles(*host.parts().wal); }, kDamageOf); });
}

}  // namespace dr::inline v0
