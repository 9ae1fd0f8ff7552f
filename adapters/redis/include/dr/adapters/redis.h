// Redis as a store: redis://agent:s3cret@db.example:6379/0?namespace=agent7, or rediss:// for TLS
//
//   auto store = dr::LinkedAdapters().Open("redis://127.0.0.1/0", environment);
//   (*store)->capabilities().weaknesses;      // "appendfsync is everysec, not …"
//
// redis+cluster://node:6379 and redis+sentinel://host:26379/service/0 find the master, and find it
// again after a fail-over. When that lost what was acknowledged, all calls are kDataLoss until the
// store is opened again.
//
// A store is as durable as the server's own settings make it, so they are read when it is opened.
// adapters/redis/README.md has the options of the URI.
#pragma once

#include "absl/status/status.h"
#include "dr/adapter/adapter_registry.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// Takes the schemes `redis` and `rediss`, and both with `+cluster` and `+sentinel`.
DR_EXPORT absl::Status RegisterRedis(AdapterRegistry& registry);

}  // namespace dr::inline v0
