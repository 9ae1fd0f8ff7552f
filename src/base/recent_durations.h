// The newest durations of something that happens again and again, and their quantiles.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

namespace dr::inline v0 {

/// Not thread-safe.
class RecentDurations {
 public:
  void Add(std::chrono::nanoseconds duration) { kept_[count_++ % kKept] = duration; }

  struct Quantiles {
    std::chrono::nanoseconds p50 = {}, p99 = {}, max = {};
  };
  Quantiles quantiles() const {
    const std::size_t kept = std::min<std::uint64_t>(count_, kKept);
    if (kept == 0) return {};
    std::vector<std::chrono::nanoseconds> sorted(kept_.begin(), kept_.begin() + kept);
    std::sort(sorted.begin(), sorted.end());
    return {sorted[(kept - 1) / 2], sorted[(kept - 1) * 99 / 100], sorted.back()};
  }

 private:
  static constexpr std::size_t kKept = 1024;

  std::array<std::chrono::nanoseconds, kKept> kept_ = {};
  std::uint64_t count_ = 0;
};

}  // namespace dr::inline v0
