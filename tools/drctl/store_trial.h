// What a store can do, found out by trying it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/adapter/state_adapter.h"
#include "dr/clock.h"
#include "tools/drctl/tracked_store.h"

namespace drctl {

struct CaseFailure {
  std::string_view name;
  absl::Status why;
};

/// Of one call at a time, in microseconds.
struct CallCost {
  double p50_us = 0, p99_us = 0;
};

struct StoreTrial {
  std::uint64_t passed = 0;
  std::uint64_t not_applicable = 0;  ///< about what the store does not declare
  std::vector<CaseFailure> failed = {};
  CallCost put = {}, get = {};            ///< of values of 1 KiB
  absl::Status ended = absl::OkStatus();  ///< why not all was tried
};

struct TrialOptions {
  std::string prefix = {};                ///< nobody else's; of at most 56 bytes
  bool quick = false;                     ///< without races, expiry, long listings and the model
  std::function<bool()> is_stopped = {};  ///< asked before each case
  std::function<void(std::size_t done, std::size_t of, std::string_view name)> progress = {};
};

using StoreOpener = std::function<absl::StatusOr<std::unique_ptr<dr::StateAdapter>>()>;

/// Runs the adapter cases and measures, beneath the prefix, and deletes what it wrote: what is left
/// in the store's footprint could not be deleted. `open` opens the same store again, with the same
/// footprint.
StoreTrial TryStore(TrackedStore& store, const StoreOpener& open, const dr::Clock& clock,
                    const TrialOptions& options);

}  // namespace drctl
