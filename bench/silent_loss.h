// What speed may not cost: whether a store notices that its log has rotted.
#pragma once

#include "absl/status/status.h"
#include "bench/place.h"

namespace bench {

/// `rounds` times for each store: a process commits 300 records, each synced and acknowledged, and
/// is killed; one random bit of what it wrote to its log is flipped; another process opens the
/// store and compares. Prints one line per store.
absl::Status PrintSilentLoss(Place& place, int rounds);

}  // namespace bench
