// What an error of Redis, or of the way to it, means in dr.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "adapters/redis/reply.h"

namespace dr::inline v0::redis {

/// An error reply as a status: codes by what a caller can do. `place` is shown.
absl::Status ErrorOf(const Reply& reply, std::string_view place);

/// kUnavailable: the connection or the server is gone.
absl::Status ConnectionLost(std::string_view place, std::string_view why);

}  // namespace dr::inline v0::redis
