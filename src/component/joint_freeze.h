// Several components frozen at one position, as a checkpoint needs them that no log will complete.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "src/component/freeze.h"

namespace dr::inline v0 {

struct FreezeRequest {
  ComponentCore* component = nullptr;
  std::optional<Lsn> previous = {};  ///< as Freeze's
};

/// As Freeze for each, and all at one position, which no batch straddles. `requests` are in the
/// order of their components' ids, each once, of one host. Until a component is frozen nothing of
/// it is committed: whoever wants to freezes it first, so that no component's committers wait for
/// the callbacks of another. The first failure ends it.
absl::StatusOr<std::vector<Frozen>> FreezeTogether(std::span<const FreezeRequest> requests,
                                                   const Context& context);

}  // namespace dr::inline v0
