#include "dr/testing/adapter_cases.h"

#include <initializer_list>
#include <vector>

#include "src/testing/adapter/adapter_check.h"

namespace dr::inline v0 {
namespace {

std::vector<AdapterCase> Join(std::initializer_list<std::span<const AdapterCase>> lists) {
  std::vector<AdapterCase> all;
  for (std::span<const AdapterCase> some : lists) all.insert(all.end(), some.begin(), some.end());
  return all;
}

}  // namespace

std::span<const AdapterCase> AdapterCases() {
  static const std::vector<AdapterCase> kAll =
      Join({ValueCases(), KeyCases(), ListingCases(), ConditionCases(), DeletionCases(),
            BatchCases(), TtlCases(), ContextCases(), RaceCases(), ModelCases()});
  return kAll;
}

std::span<const AdapterCase> QuickAdapterCases() {
  static const std::vector<AdapterCase> kQuick =
      Join({ValueCases(), ConditionCases(), DeletionCases(), ContextCases()});
  return kQuick;
}

}  // namespace dr::inline v0
