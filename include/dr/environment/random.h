// Randomness, injected: salts, nonces and jitter. A seeded source makes a run repeatable.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// A source of random bytes. Thread-safe.
class DR_EXPORT Random {
 public:
  virtual ~Random() = default;
  /// Fills `out` whole, or fails; a caller that gets an error must give up what it was doing, never
  /// go on with fewer or weaker bytes.
  virtual absl::Status Fill(std::span<char> out) = 0;
  /// Eight bytes of Fill.
  absl::StatusOr<std::uint64_t> Next();
};

/// The kernel's generator (getrandom).
class DR_EXPORT SystemRandom final : public Random {
 public:
  absl::Status Fill(std::span<char> out) override;
};

}  // namespace dr::inline v0
