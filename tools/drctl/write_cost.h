// What writing a block costs in a directory, with and without waiting until it is durable.
#pragma once

#include "absl/status/statusor.h"
#include "dr/clock.h"
#include "dr/environment/file_system.h"
#include "dr/environment/random.h"

namespace drctl {

/// Of one block of the log, in microseconds.
struct WriteCost {
  bool direct = false;    ///< durable by one direct synchronous write, else by a write and a sync
  double durable_us = 0;  ///< the median
  double durable_us_max = 0;
  double plain_us = 0;  ///< the median of a write into the page cache

  /// A device that is waited for takes many times what a copy takes.
  bool waits_for_device() const { return durable_us > 3 * plain_us; }
};

/// Writes to a temporary file of its own, and removes it.
absl::StatusOr<WriteCost> MeasureWrites(dr::Directory& directory, const dr::Clock& clock,
                                        dr::Random& random);

}  // namespace drctl
