// What every StateAdapter must do, as a list of cases without a test framework: for dr's adapters
// and for yours.
//
//   for (const dr::AdapterCase& check : dr::AdapterCases()) {
//     if (check.applies(store.capabilities())) Report(check.name, check.run(store, "cases/7/"));
//   }
#pragma once

#include <span>

#include "dr/adapter/adapter_case.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// All cases. Some use threads of their own, which have ended when `run` returns. Those about
/// values that expire wait for that, at most 10 seconds; otherwise timing decides no case.
DR_EXPORT std::span<const AdapterCase> AdapterCases();

/// Those that take a moment: without races, expiry, long listings and the model.
DR_EXPORT std::span<const AdapterCase> QuickAdapterCases();

}  // namespace dr::inline v0
