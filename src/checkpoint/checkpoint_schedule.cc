#include "src/checkpoint/checkpoint_schedule.h"

#include <algorithm>

namespace dr::inline v0 {

void CheckpointSchedule::Begin(std::optional<Position> position, std::chrono::nanoseconds age) {
  const Instant now = clock_.Now();
  age = std::max(age, std::chrono::nanoseconds(0));
  MutexLock lock(mutex_);
  newest_ = position;
  newest_at_ = now + -age;
  tried_ = {.last = position.value_or(Position{}).lsn};
  tried_at_ = now + -std::min(age, policy_.interval);
}

Instant CheckpointSchedule::Next(LogEnd log, std::optional<std::chrono::nanoseconds> anyway) const {
  MutexLock lock(mutex_);
  Instant next;
  if (anyway) next = tried_at_ + *anyway;
  // A checkpoint may have overtaken this look at the log.
  if (log.last <= tried_.last) return next;
  if ((policy_.log_bytes > 0 && log.bytes >= tried_.bytes + policy_.log_bytes) ||
      (policy_.operations > 0 && log.last.value - tried_.last.value >= policy_.operations)) {
    return tried_at_;
  }
  if (policy_.interval.count() > 0) next = std::min(next, tried_at_ + policy_.interval);
  return next;
}

void CheckpointSchedule::Tried(LogEnd log) {
  const Instant now = clock_.Now();
  MutexLock lock(mutex_);
  tried_at_ = now;
  tried_ = log;
}

void CheckpointSchedule::Count(const absl::StatusOr<CheckpointInfo>& info) {
  const Instant now = clock_.Now();
  MutexLock lock(mutex_);
  if (!info.ok()) {
    ++failures_;
  } else if (info->sequence > 0) {
    ++count_;
    newest_ = info->position;
    newest_at_ = now;
    pauses_.Add(info->pause_max);
  }
}

CheckpointFigures CheckpointSchedule::figures() const {
  const Instant now = clock_.Now();
  MutexLock lock(mutex_);
  CheckpointFigures figures = {.taken = count_,
                               .failed = failures_,
                               .newest = newest_.value_or(Position{}),
                               .pauses = pauses_.quantiles()};
  if (newest_) figures.age = now - newest_at_;
  return figures;
}

}  // namespace dr::inline v0
