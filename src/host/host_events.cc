#include "src/host/host_events.h"

#include <string>

#include "absl/time/time.h"
#include "fmt/format.h"
#include "src/log/log_time.h"

namespace dr::inline v0 {

void HostEvents::Recovered(Lsn last, std::chrono::nanoseconds duration,
                           std::string_view text) const {
  Notify({.kind = EventKind::kRecovered,
          .lsn = last,
          .duration = duration,
          .text = fmt::format("{} in {} ms", text, duration / std::chrono::milliseconds(1))});
}

void HostEvents::Retired(const RetiredComponents& retired) const {
  for (const auto& [component, last] : retired) {
    Notify({.kind = EventKind::kComponentRetired,
            .component = component,
            .lsn = last,
            .text = fmt::format("the state of '{}' up to {} is given up; the next checkpoint is "
                                "without it",
                                component, last.value)});
  }
}

void HostEvents::Clock(std::chrono::nanoseconds ahead, Lsn last) {
  const bool apart = std::chrono::abs(ahead) > LogTime::kLeap;
  if (apart_.exchange(apart) || !apart) return;
  const std::string by = absl::FormatDuration(
      absl::Trunc(absl::FromChrono(std::chrono::abs(ahead)), absl::Seconds(1)));
  Notify({.kind = EventKind::kClockApart,
          .lsn = last,
          .duration = ahead,
          .text = ahead.count() > 0
                      ? fmt::format("the times of operations are {} ahead of the wall clock", by)
                      : fmt::format("the wall clock has leapt ahead by {} and is not believed yet",
                                    by)});
}

}  // namespace dr::inline v0
