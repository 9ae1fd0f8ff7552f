// What others may know of a log: where its segments are, whether it is well, and its figures.

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"
#include "src/log/group_commit.h"

namespace dr::inline v0 {

absl::StatusOr<SegmentExtent> GroupCommit::Locate(std::uint64_t number) const {
  DR_RETURN_IF_ERROR(InParent());
  MutexLock lock(mutex_);
  if (number == live_.segment.prefix.number) {
    return SegmentExtent{live_.segment, readable_end_, staged_, durable(), true};
  }
  for (const LogSegment& segment : older_) {
    if (segment.prefix.number != number) continue;
    return SegmentExtent{segment, segment.end.offset, segment.end.last_lsn, durable(), false};
  }
  return MakeFault({.kind = FaultKind::kWalGap,
                    .place = std::string(SegmentName(number)),
                    .next = "read from a later position, or from a checkpoint"},
                   "this part of the log was trimmed");
}

absl::StatusOr<std::uint64_t> GroupCommit::SegmentWith(Lsn from) const {
  DR_RETURN_IF_ERROR(InParent());
  MutexLock lock(mutex_);
  if (live_.segment.prefix.first_lsn <= from) return live_.segment.prefix.number;
  for (auto it = older_.rbegin(); it != older_.rend(); ++it) {
    if (it->prefix.first_lsn <= from) return it->prefix.number;
  }
  const LogSegment& oldest = older_.empty() ? live_.segment : older_.front();
  return MakeFault({.kind = FaultKind::kWalGap,
                    .place = std::string(oldest.name),
                    .lsn = from,
                    .next = "read from a checkpoint"},
                   fmt::format("the log begins at {}", oldest.prefix.first_lsn.value));
}

// The oldest segment that holds a part of what is needed.
std::uint64_t GroupCommit::NeededFrom(Lsn keep_from) const {
  for (std::size_t i = 0; i < older_.size(); ++i) {
    if (older_[i].end.last_lsn >= keep_from) return older_[i].prefix.number;
    // A record that is needed may begin in a segment whose own records are not.
    const LogSegment& next = i + 1 < older_.size() ? older_[i + 1] : live_.segment;
    if (next.continues && next.prefix.first_lsn >= keep_from) return older_[i].prefix.number;
  }
  return live_.segment.prefix.number;
}

absl::Status GroupCommit::status() const {
  DR_RETURN_IF_ERROR(InParent());
  MutexLock lock(mutex_);
  return Healthy();
}

std::int64_t GroupCommit::last_time_ns() const {
  MutexLock lock(mutex_);
  return time_.last_ns();
}

std::chrono::nanoseconds GroupCommit::time_ahead() const {
  MutexLock lock(mutex_);
  return time_.ahead();
}

WalFigures GroupCommit::figures() const {
  MutexLock lock(mutex_);
  WalFigures figures = figures_;
  figures.segments = older_.size() + 1;
  for (const LogSegment& segment : older_) figures.log_bytes += segment.end.offset;
  figures.log_bytes += live_.offset;
  figures.unsealed_records = durable().value - recorded_.value;
  figures.direct = files_->direct();
  figures.no_space = no_space_;
  return figures;
}

}  // namespace dr::inline v0
