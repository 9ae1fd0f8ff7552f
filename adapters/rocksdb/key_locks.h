// Excludes writers of the same keys from each other, and lets others share a sync.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "dr/adapter/permits.h"

namespace dr::inline v0 {

/// Whoever waits for one heeds its context: the writer that has it may be waiting for the disk.
class KeyLocks {
 public:
  static constexpr int kStripes = 64;

  /// Which locks belong to a key; sets of keys are joined by |.
  static std::uint64_t StripeOf(std::string_view key) {
    return std::uint64_t{1} << (std::hash<std::string_view>{}(key) % kStripes);
  }

  /// Holds all locks of `stripes`, which is not 0, while it lives.
  struct Held {
    int first;  ///< of the stripes: nobody else has it
    std::vector<Permits::Permit> permits;
  };
  absl::StatusOr<Held> Take(std::uint64_t stripes, const Context& context, const Clock& clock) {
    Held held{std::countr_zero(stripes), {}};
    held.permits.reserve(static_cast<std::size_t>(std::popcount(stripes)));
    // Always in the same order, so that two batches never wait for each other.
    for (std::uint64_t left = stripes; left != 0; left &= left - 1) {
      auto permit = stripes_[static_cast<std::size_t>(std::countr_zero(left))].Take(
          context, clock, "another writer of this key");
      if (!permit.ok()) return permit.status();
      held.permits.push_back(*std::move(permit));
    }
    return held;
  }

 private:
  std::array<Permits, kStripes> stripes_;
};

}  // namespace dr::inline v0
