// What can be relied on at this server, by its own account.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/redis/connection.h"
#include "adapters/redis/options.h"

namespace dr::inline v0::redis {

struct ServerFacts {
  bool master = true;
  std::vector<std::string> not_durable = {};     ///< reasons; empty: an OK survives power loss
  std::vector<std::string> not_fence_safe = {};  ///< reasons beside those

  bool durable() const { return not_durable.empty(); }
  bool fence_safe() const { return durable() && not_fence_safe.empty(); }
};

/// The value of a line "name:value" of what INFO answers; empty if there is none.
std::string InfoOf(const Reply& info, std::string_view name);

/// What to ask a server.
std::vector<Command> FactQuestions();
/// What its answers come to. What it does not tell counts against it.
absl::StatusOr<ServerFacts> FactsOf(std::span<const Reply> replies, Topology topology,
                                    std::string_view place);

}  // namespace dr::inline v0::redis
