// Random bytes that a seed repeats, and that can be made to fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "dr/environment/random.h"
#include "dr/export.h"
#include "dr/mutex.h"

namespace dr::inline v0 {

/// Not for secrets. Thread-safe; the stream is repeatable for one thread at a time.
class DR_EXPORT SimRandom final : public Random {
 public:
  /// Two of one seed give the same bytes.
  explicit SimRandom(std::uint64_t seed) : state_(seed) {}

  absl::Status Fill(std::span<char> out) override;
  /// From now on Fill fails.
  void Fail();

 private:
  Mutex mutex_;
  std::uint64_t state_ ABSL_GUARDED_BY(mutex_);
  bool fails_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace dr::inline v0
