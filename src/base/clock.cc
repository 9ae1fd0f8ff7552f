#include "dr/clock.h"

#include <time.h>

#include <algorithm>

#include "dr/mutex.h"

namespace dr::inline v0 {
namespace {

timespec Read(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);  // fails only for a clock or an address that does not exist
  return now;
}

}  // namespace

void Clock::SleepUntil(Instant at, const std::stop_token& stop) const {
  // In slices: a condition variable knows nothing of a machine that was suspended, nor of hands
  // that a test turns.
  constexpr std::chrono::nanoseconds kSlice = std::chrono::milliseconds(10);
  Mutex mutex;
  CondVar stopped;
  const std::stop_callback wake(stop, [&] {
    MutexLock lock(mutex);
    stopped.NotifyAll();
  });
  MutexLock lock(mutex);
  for (Instant now = Now(); now < at && !stop.stop_requested(); now = Now()) {
    stopped.WaitFor(mutex, std::min(at - now, kSlice));
  }
}

Instant SystemClock::Now() const {
  const timespec now = Read(CLOCK_BOOTTIME);
  return Instant::FromNanoseconds(std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec);
}

absl::Time SystemClock::WallTime() const { return absl::TimeFromTimespec(Read(CLOCK_REALTIME)); }

}  // namespace dr::inline v0
