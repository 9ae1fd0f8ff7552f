#include "dr/clock.h"

#include <time.h>

#include <algorithm>

namespace dr::inline v0 {
namespace {

timespec Read(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);  // fails only for a clock or an address that does not exist
  return now;
}

void WaitSlice(const Clock& clock, CondVar& changed, Mutex& mutex, Instant until,
               std::chrono::nanoseconds slice) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
  if (until.is_never()) return changed.Wait(mutex);
  const std::chrono::nanoseconds left = until - clock.Now();
  if (left.count() > 0) changed.WaitFor(mutex, std::min(left, slice));
}

}  // namespace

void Clock::SleepUntil(Instant at, const std::stop_token& stop) const {
  Mutex mutex;
  CondVar stopped;
  const std::stop_callback wake(stop, [&] {
    MutexLock lock(mutex);
    stopped.NotifyAll();
  });
  MutexLock lock(mutex);
  while (Now() < at && !stop.stop_requested()) Wait(stopped, mutex, at);
}

void Clock::Wait(CondVar& changed, Mutex& mutex, Instant until) const {
  WaitSlice(*this, changed, mutex, until, std::chrono::milliseconds(10));
}

Instant SystemClock::Now() const {
  const timespec now = Read(CLOCK_BOOTTIME);
  return Instant::FromNanoseconds(std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec);
}

// A condition variable does not count the time that the machine was suspended for.
void SystemClock::Wait(CondVar& changed, Mutex& mutex, Instant until) const {
  WaitSlice(*this, changed, mutex, until, std::chrono::seconds(1));
}

absl::Time SystemClock::WallTime() const { return absl::TimeFromTimespec(Read(CLOCK_REALTIME)); }

}  // namespace dr::inline v0
