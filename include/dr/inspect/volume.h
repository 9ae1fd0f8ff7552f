// What a file system means for what dr promises, by its kind and by trying it.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "dr/clock.h"
#include "dr/environment/file_system.h"
#include "dr/environment/random.h"
#include "dr/export.h"
#include "dr/inspect/finding.h"

namespace dr::inline v0 {

/// None: what was acknowledged there outlives a power cut, one host has the lock, and there is
/// room.
DR_EXPORT std::vector<Finding> JudgeVolume(const VolumeInfo& volume);

/// Of writing one block of the log, in microseconds.
struct WriteCost {
  bool direct = false;    ///< durable by one direct synchronous write, else by a write and a sync
  double durable_us = 0;  ///< the median
  double durable_us_max = 0;  ///< the longest
  double plain_us = 0;        ///< the median of a write into the page cache

  /// A device that is waited for takes many times what a copy takes.
  bool waits_for_device() const { return durable_us > 3 * plain_us; }
};

/// Writes to a temporary file of its own, and removes it.
DR_EXPORT absl::StatusOr<WriteCost> MeasureWrites(Directory& directory, const Clock& clock,
                                                  Random& random);

}  // namespace dr::inline v0
