#include "dr/testing/adapter_cases.h"

#include <vector>

#include "src/testing/adapter/adapter_check.h"

namespace dr::inline v0 {

std::span<const AdapterCase> AdapterCases() {
  static const std::vector<AdapterCase> kAll = [] {
    std::vector<AdapterCase> all;
    for (std::span<const AdapterCase> some :
         {ValueCases(), KeyCases(), ListingCases(), ConditionCases(), DeletionCases(), BatchCases(),
          TtlCases(), ContextCases(), RaceCases(), ModelCases()}) {
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  return kAll;
}

}  // namespace dr::inline v0
