// Excludes writers of the same keys from each other, and lets others share a sync.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <string_view>

#include "dr/mutex.h"

namespace dr::inline v0 {

class KeyLocks {
 public:
  /// Which locks belong to a key; sets of keys are joined by |.
  static std::uint64_t StripeOf(std::string_view key) {
    return std::uint64_t{1} << (std::hash<std::string_view>{}(key) % kStripes);
  }

  /// Holds all locks of `stripes` while it lives.
  class Held {
   public:
    Held(KeyLocks& locks, std::uint64_t stripes) ABSL_NO_THREAD_SAFETY_ANALYSIS
        : locks_(locks),
          stripes_(stripes) {
      // Always in the same order, so that two batches never wait for each other.
      for (std::uint64_t left = stripes_; left != 0; left &= left - 1) {
        locks_.stripes_[std::countr_zero(left)].lock();
      }
    }
    ~Held() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      for (std::uint64_t left = stripes_; left != 0; left &= left - 1) {
        locks_.stripes_[std::countr_zero(left)].unlock();
      }
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

   private:
    KeyLocks& locks_;
    const std::uint64_t stripes_;
  };

 private:
  static constexpr std::size_t kStripes = 64;
  std::array<Mutex, kStripes> stripes_;
};

}  // namespace dr::inline v0
