// Cases that need more of a store than a client: processes, its server, or the way there.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "tests/conformance/stores.h"

namespace dr::test {

struct StoreCase {
  std::string_view name;
  bool (*applies)(const Store& store);
  /// Nobody has the store open.
  absl::Status (*run)(const Store& store, const std::string& prefix);
};

/// Clients that race, and one that is killed.
std::span<const StoreCase> ProcessCases();
/// A connection that is cut after any byte, or passes one at a time.
std::span<const StoreCase> CutCases();
/// A network that goes silent while many write.
std::span<const StoreCase> SilenceCases();
/// A server that is killed while many write.
std::span<const StoreCase> KillCases();

/// What a child of a ProcessCase does: `role` on the store at `uri`, told by `number` which child
/// it is.
absl::Status RunChild(std::string_view role, std::string_view uri, const std::string& prefix,
                      int number);

}  // namespace dr::test
