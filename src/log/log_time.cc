#include "src/log/log_time.h"

#include <algorithm>
#include <limits>

namespace dr::inline v0 {
namespace {

constexpr std::int64_t kEndOfTimeNs = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLatestNs = kEndOfTimeNs / 2;

}  // namespace

LogTime::LogTime(const Clock& clock, std::int64_t last_ns, Trust trust)
    : clock_(&clock), last_ns_(last_ns), base_ns_(wall_ns()), base_at_(clock.Now()) {
  if (trust == Trust::kClock) {
    last_ns_ = std::min(last_ns, base_ns_);
  } else if (last_ns != 0 && last_ns < base_ns_ - kLongestRest.count()) {
    base_ns_ = std::max<std::int64_t>(last_ns, 0);
  }
  trusted_until_ns_ = base_ns_ + kLeap.count();
}

// Bounded, so that no sum with it overflows; what was recorded may be any number.
std::int64_t LogTime::wall_ns() const {
  return std::clamp<std::int64_t>(absl::ToUnixNanos(clock_->WallTime()), 0, kLatestNs);
}

std::int64_t LogTime::ExpectedNs() const { return base_ns_ + (clock_->Now() - base_at_).count(); }

std::int64_t LogTime::Record(std::int64_t time_ns, std::int64_t now_ns) {
  if (time_ns == 0) time_ns = now_ns;
  if (time_ns > trusted_until_ns_) {
    const std::int64_t believed = Believe();
    if (time_ns > trusted_until_ns_) time_ns = believed;
  }
  if (time_ns + kLeap.count() < last_ns_) {
    CatchUp();
  } else {
    behind_at_ = Instant::Never();
  }
  return last_ns_ = std::max(last_ns_, time_ns);
}

// The wall clock is behind what was recorded: times go on at half its pace until it has caught up.
void LogTime::CatchUp() {
  const Instant now = clock_->Now();
  if (!behind_at_.is_never()) {
    last_ns_ += std::min<std::int64_t>((now - behind_at_).count() / 2, kEndOfTimeNs - last_ns_);
  }
  behind_at_ = now;
}

// Once a minute, as long as all is well.
std::int64_t LogTime::Believe() {
  const Instant now = clock_->Now();
  const std::int64_t wall = wall_ns(), expected = ExpectedNs();
  const bool leapt = wall > expected + kLeap.count();
  if (!leapt) {
    leapt_at_ = Instant::Never();
  } else if (leapt_at_.is_never()) {
    leapt_at_ = now;
  }
  if (!leapt || now >= leapt_at_ + kLasting) {
    base_ns_ = wall;
    leapt_at_ = Instant::Never();
  } else {
    base_ns_ = expected;
  }
  base_at_ = now;
  trusted_until_ns_ = base_ns_ + kLeap.count();
  return base_ns_;
}

std::chrono::nanoseconds LogTime::ahead() const {
  const std::int64_t wall = wall_ns();
  if (last_ns_ > wall) return std::chrono::nanoseconds(last_ns_ - wall);
  return std::chrono::nanoseconds(std::min<std::int64_t>(0, ExpectedNs() + kLeap.count() - wall));
}

}  // namespace dr::inline v0
