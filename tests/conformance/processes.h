// Cases that need processes: clients that race, and one that is killed.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "tests/conformance/stores.h"

namespace dr::testing {

struct ProcessCase {
  std::string_view name;
  bool (*applies)(const Store& store);
  /// The store is at `uri`; nobody has it open.
  absl::Status (*run)(const std::string& uri, const std::string& prefix);
};

std::span<const ProcessCase> ProcessCases();

/// What a child does: `role` on the store at `uri`, told by `number` which child it is.
absl::Status RunChild(std::string_view role, std::string_view uri, const std::string& prefix,
                      int number);

}  // namespace dr::testing
