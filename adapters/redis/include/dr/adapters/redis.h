// Redis as a store: redis://agent:s3cret@db.example:6379/0?namespace=agent7, or rediss:// for TLS
//
//   auto store = dr::LinkedAdapters().Open("redis://127.0.0.1/0", environment);
//   if (!(*store)->capabilities().fence_safe) {
//     auto doubts = dr::RedisDoubts(uri, environment);      // "appendfsync is everysec, not …"
//   }
//
// redis+cluster://node:6379 and redis+sentinel://host:26379/service/0 find the master, and find it
// again after a fail-over. When that lost what was acknowledged, all calls are kDataLoss until the
// store is opened again.
//
// A store is as durable as the server's own settings make it, so they are read when it is opened.
// adapters/redis/README.md has the options of the URI.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/adapter_registry.h"
#include "dr/export.h"
#include "dr/types.h"

namespace dr::inline v0 {

/// Takes the schemes `redis` and `rediss`, and both with `+cluster` and `+sentinel`.
DR_EXPORT absl::Status RegisterRedis(AdapterRegistry& registry);

/// Why a store opened with this URI does not declare `durable` or `fence_safe`, one reason each, as
/// a sentence for the operator; empty if it declares both. Errors as those of Open.
DR_EXPORT absl::StatusOr<std::vector<std::string>> RedisDoubts(
    std::string_view uri, const AdapterEnvironment& environment, const Context& context = {});

}  // namespace dr::inline v0
