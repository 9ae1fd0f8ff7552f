// What every StateAdapter must do, as a list of cases without a test framework: for the adapters
// of dr and for those that others write.
//
//   for (const dr::AdapterCase& check : dr::AdapterCases()) {
//     if (check.applies(store.capabilities())) Report(check.name, check.run(store, "cases/7/"));
//   }
#pragma once

#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "dr/export.h"
#include "dr/state_adapter.h"

namespace dr::inline v0 {

struct AdapterCase {
  std::string_view name;  ///< a fact, as a sentence
  /// Whether a store with these capabilities must pass.
  bool (*applies)(const Capabilities& capabilities);
  /// Uses keys that start with `prefix`, of at most 64 bytes, under which there must be none.
  /// Leaves some behind. An error says what was expected and what was found.
  absl::Status (*run)(StateAdapter& store, std::string_view prefix);
};

/// All of them. Some use threads of their own, which have ended when `run` returns.
DR_EXPORT std::span<const AdapterCase> AdapterCases();

}  // namespace dr::inline v0
