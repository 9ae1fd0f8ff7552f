// What a store can do, found out by trying it.
//
//   dr::StoreTrial trial = dr::TryStore(dr::LinkedAdapters(), environment,
//       {.uri = "${AGENT_STORE}", .prefix = "trial/", .cases = dr::AdapterCases()});
//   if (!trial.verdict.ok()) return dr::PrintError(trial.verdict);
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "dr/adapter/adapter_case.h"
#include "dr/adapter/adapter_registry.h"
#include "dr/adapter/state_adapter.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// Bytes of TrialOptions::prefix, at most.
inline constexpr std::size_t kTrialPrefixMax = 32;

/// What to try on a store, and how.
struct TrialOptions {
  std::string uri = {};                     ///< with variables
  std::string prefix = {};                  ///< of all keys, 1 to kTrialPrefixMax bytes
  std::span<const AdapterCase> cases = {};  ///< which are tried, in this order
  std::uint32_t measured_calls = 200;       ///< of each kind, at least 1
  std::function<bool()> is_stopped = {};    ///< asked once the store is open, and before each case
  /// Told before each case, on the same thread.
  std::function<void(std::size_t done, std::size_t of, std::string_view name)> progress = {};
};

/// A case that the store did not pass.
struct CaseFailure {
  std::string_view name;  ///< of the case
  absl::Status why;       ///< what was expected and what was found
};

/// Of one call at a time, in microseconds.
struct CallCost {
  double p50_us = 0;  ///< half of the calls took no longer
  double p99_us = 0;  ///< 99 of 100 took no longer
};

/// What the trial of a store has shown.
struct StoreTrial {
  std::string uri = {};                          ///< redacted; empty: it was not opened
  std::string prefix = {};                       ///< what was asked for and a random number
  Capabilities can = {};                         ///< declared, and not fence-safe after a failure
  std::optional<std::uint64_t> free_bytes = {};  ///< of a place on this machine
  std::uint64_t passed = 0;                      ///< cases
  std::uint64_t not_applicable = 0;              ///< about what the store does not declare
  std::vector<CaseFailure> failed = {};          ///< in the order in which they were tried
  CallCost put = {};                             ///< of values of 1 KiB
  CallCost get = {};                             ///< of values of 1 KiB
  std::size_t left_behind = 0;                   ///< keys that could not be deleted again
  /// OK: all that was tried holds. kUnimplemented: a case failed. Otherwise why it was not opened
  /// or not all was tried, or that keys are left behind.
  absl::Status verdict = absl::OkStatus();

  /// Whether any case was tried.
  bool tried() const { return passed + failed.size() > 0; }
};

/// Opens the store, measures it, runs the cases beneath the prefix, and deletes what it wrote, when
/// it was stopped too. What `environment` names outlives the call.
DR_EXPORT StoreTrial TryStore(const AdapterRegistry& adapters,
                              const AdapterEnvironment& environment, const TrialOptions& options);

}  // namespace dr::inline v0
