// How long the newest checkpoints made writers wait.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

namespace dr::inline v0 {

/// Not thread-safe.
class RecentPauses {
 public:
  void Add(std::chrono::nanoseconds pause) { pauses_[count_++ % kKept] = pause; }

  struct Quantiles {
    std::chrono::nanoseconds p50 = {}, p99 = {}, max = {};
  };
  Quantiles quantiles() const {
    const std::size_t kept = std::min<std::uint64_t>(count_, kKept);
    if (kept == 0) return {};
    std::vector<std::chrono::nanoseconds> sorted(pauses_.begin(), pauses_.begin() + kept);
    std::sort(sorted.begin(), sorted.end());
    return {sorted[(kept - 1) / 2], sorted[(kept - 1) * 99 / 100], sorted.back()};
  }

 private:
  static constexpr std::size_t kKept = 1024;

  std::array<std::chrono::nanoseconds, kKept> pauses_ = {};
  std::uint64_t count_ = 0;
};

}  // namespace dr::inline v0
