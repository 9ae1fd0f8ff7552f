// What can be relied on at this server, by its own account.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/redis/session.h"

namespace dr::inline v0::redis {

struct ServerFacts {
  bool master = true;
  std::vector<std::string> not_durable = {};     ///< reasons; empty: an OK survives power loss
  std::vector<std::string> not_fence_safe = {};  ///< reasons beside those

  bool durable() const { return not_durable.empty(); }
  bool fence_safe() const { return durable() && not_fence_safe.empty(); }
};

/// Asks the server. What it does not tell counts against it.
absl::StatusOr<ServerFacts> AskFacts(Session& session, const Context& context);

}  // namespace dr::inline v0::redis
