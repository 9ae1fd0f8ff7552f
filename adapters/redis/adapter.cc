#include <memory>
#include <utility>

#include "adapters/redis/options.h"
#include "adapters/redis/store.h"
#include "dr/adapters/redis.h"
#include "dr/status_macros.h"

namespace dr::inline v0 {
namespace {

absl::StatusOr<std::unique_ptr<StateAdapter>> Open(const Uri& uri,
                                                   const AdapterEnvironment& environment,
                                                   const Context& context) {
  DR_ASSIGN_OR_RETURN(redis::Options options, redis::ReadOptions(uri));
  return redis::RedisStore::Open(std::move(options), *environment.random, *environment.clock,
                                 context);
}

}  // namespace

absl::Status RegisterRedis(AdapterRegistry& registry) {
  for (const char* scheme : {"redis", "rediss", "redis+cluster", "rediss+cluster", "redis+sentinel",
                             "rediss+sentinel"}) {
    DR_RETURN_IF_ERROR(registry.Register(scheme, Open));
  }
  return absl::OkStatus();
}

}  // namespace dr::inline v0
