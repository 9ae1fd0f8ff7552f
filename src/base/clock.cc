#include "dr/clock.h"

#include <time.h>

namespace dr::inline v0 {
namespace {

timespec Read(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);  // fails only for a clock or an address that does not exist
  return now;
}

}  // namespace

Instant SystemClock::Now() const {
  const timespec now = Read(CLOCK_BOOTTIME);
  return Instant::FromNanoseconds(std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec);
}

absl::Time SystemClock::WallTime() const { return absl::TimeFromTimespec(Read(CLOCK_REALTIME)); }

}  // namespace dr::inline v0
