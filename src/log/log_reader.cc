#include "src/log/log_reader.h"

#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {

LogReader::LogReader(Directory& directory, LogMap map, Lsn from)
    : directory_(directory), map_(std::move(map)), from_(from) {}

absl::StatusOr<std::unique_ptr<LogReader>> LogReader::Open(Directory& directory, LogMap map,
                                                           Lsn from) {
  std::unique_ptr<LogReader> reader(new LogReader(directory, std::move(map), from));
  DR_RETURN_IF_ERROR(reader->Enter());
  return reader;
}

absl::Status LogReader::Enter() {
  DR_ASSIGN_OR_RETURN(std::uint64_t number, map_.segment_with(from_));
  records_ = RecordReader();
  entered_midway_ = true;
  for (;; --number) {
    DR_RETURN_IF_ERROR(EnterSegment(number));
    const Lsn first_lsn = extent_.segment.prefix.first_lsn;
    if (number == 1 || from_ > first_lsn) return absl::OkStatus();
    if (from_ < first_lsn) continue;
    // The wanted record may have begun in the segment before.
    if (!extent_.segment.continues) return absl::OkStatus();
  }
}

absl::Status LogReader::EnterSegment(std::uint64_t number) {
  DR_ASSIGN_OR_RETURN(SegmentExtent extent, map_.locate(number));
  const absl::StatusOr<LogSegment> found = OpenLogSegment(directory_, extent.segment.name, file_);
  if (!found.ok() || found->prefix_hash != extent.segment.prefix_hash) {
    DR_RETURN_IF_ERROR(map_.locate(number).status());  // it may have been trimmed since
    DR_RETURN_IF_ERROR(found.status());
    return CorruptLog(extent.segment.name, 0, extent.segment.prefix.first_lsn,
                      "the segment was replaced while it was read");
  }
  extent_ = std::move(extent);
  groups_.emplace(*file_, extent_.segment);
  first_group_ = true;
  return absl::OkStatus();
}

absl::Status LogReader::LookAgain() {
  DR_ASSIGN_OR_RETURN(SegmentExtent now, map_.locate(extent_.segment.prefix.number));
  extent_.segment.end = now.segment.end;
  extent_.limit = now.limit;
  extent_.last_lsn = now.last_lsn;
  extent_.visible = now.visible;
  extent_.newest = now.newest;
  return absl::OkStatus();
}

absl::StatusOr<bool> LogReader::NextGroup() {
  for (;;) {
    absl::StatusOr<bool> more = NextGroupFromHere();
    if (!IsFault(more.status(), FaultKind::kWalGap)) return more;
    // The segment went, which is no gap if all that is wanted of it was read before.
    DR_RETURN_IF_ERROR(Enter());
  }
}

absl::StatusOr<bool> LogReader::NextGroupFromHere() {
  for (;;) {
    DR_ASSIGN_OR_RETURN(std::optional<Group> group, groups_->Next(extent_.limit));
    if (group) {
      const bool continues = (group->header.flags & kGroupContinues) != 0;
      if (first_group_ && continues && entered_midway_) records_.SkipOpenRecord();
      // A recovery may have cut the log inside a record, which then begins anew.
      if (first_group_ && !continues) records_ = RecordReader();
      first_group_ = entered_midway_ = false;
      DR_RETURN_IF_ERROR(Located(records_.Begin(group->bytes, group->header)));
      return true;
    }
    if (groups_->offset() < extent_.limit && !groups_->footer_seen()) {
      DR_RETURN_IF_ERROR(LookAgain());  // a file that was trimmed may hold another segment by now
      return CorruptLog(extent_.segment.name, groups_->offset(), groups_->next_lsn(),
                        groups_->reason());
    }
    if (extent_.newest) {
      const std::uint64_t limit = extent_.limit;
      DR_RETURN_IF_ERROR(LookAgain());
      if (extent_.newest && extent_.limit == limit) return false;
      continue;
    }
    // Its successor was written behind exactly this.
    if (groups_->offset() != extent_.limit || groups_->hash() != extent_.segment.end.hash) {
      return CorruptLog(extent_.segment.name, groups_->offset(), groups_->next_lsn(),
                        "the segment does not end as the next one says");
    }
    DR_RETURN_IF_ERROR(EnterSegment(extent_.segment.prefix.number + 1));
  }
}

// The view is filled in where the caller gets it: copying it would cost as much as parsing it.
absl::StatusOr<std::optional<RecordView>> LogReader::Next() {
  absl::StatusOr<std::optional<RecordView>> record = std::optional<RecordView>();
  if (absl::Status read = Read(*record); !read.ok()) record = std::move(read);
  return record;
}

absl::Status LogReader::Read(std::optional<RecordView>& record) {
  if (held_back_) {
    record = std::exchange(held_back_, std::nullopt);
  } else {
    do {
      if (const char* wrong = records_.Read(&record)) return Located(absl::DataLossError(wrong));
      if (!record) {
        DR_ASSIGN_OR_RETURN(bool more, NextGroup());
        if (!more) return absl::OkStatus();
      }
    } while (!record || record->lsn < from_ || record->lsn > extent_.last_lsn);
  }
  if (record->lsn > extent_.visible) {
    DR_RETURN_IF_ERROR(LookAgain());
    if (record->lsn > extent_.visible) {
      held_back_ = std::exchange(record, std::nullopt);
      return absl::OkStatus();
    }
  }
  from_ = dr::Next(record->lsn);
  // What was durable when the segment began was copied into it from the one before.
  const SegmentPrefix& prefix = extent_.segment.prefix;
  record->epoch = record->lsn <= prefix.durable_lsn ? prefix.previous.epoch : prefix.epoch;
  return absl::OkStatus();
}

absl::Status LogReader::Located(absl::Status status) const {
  if (status.ok()) return status;
  return CorruptLog(extent_.segment.name, groups_->offset(), groups_->next_lsn(),
                    AsStd(status.message()));
}

}  // namespace dr::inline v0
