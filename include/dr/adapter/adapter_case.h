// One fact about stores, in a form that can be tried on any of them. dr's own are a list in
// dr/testing/adapter_cases.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/adapter/state_adapter.h"

namespace dr::inline v0 {

/// A store, and what else is known of it. A store alone converts.
struct AdapterUnderTest {
  /// Opens a store.
  using Opener = std::function<absl::StatusOr<std::unique_ptr<StateAdapter>>()>;

  // NOLINTNEXTLINE(google-explicit-constructor)
  /// `tested` outlives it.
  AdapterUnderTest(StateAdapter& tested, Opener opener = {}) noexcept
      : store(tested), open_another(std::move(opener)) {}

  StateAdapter& store;  ///< whose contract is tested
  /// Opens the same store again, as another process would. Without it the cases of two clients use
  /// one object twice, which then never sees what another has cached.
  Opener open_another;
  /// How many calls the case that enumerates sequences of operations may make. It runs the first of
  /// these that it can afford: 5,600,000 calls for all sequences of five operations, 500,000 for
  /// those in which only the last may be refused or change nothing, otherwise all sequences of
  /// three.
  std::uint64_t model_calls = 20'000;
};

/// One fact that every store is held to, and the check of it.
struct AdapterCase {
  std::string_view name;  ///< a fact, as a sentence
  /// Whether a store with these capabilities must pass.
  bool (*applies)(const Capabilities& capabilities);
  /// Uses keys that start with `prefix`, which has at most 64 bytes and under which there must be
  /// no keys yet. Leaves some behind. An error says what was expected and what was found.
  absl::Status (*run)(const AdapterUnderTest& tested, std::string_view prefix);
};

}  // namespace dr::inline v0
