// What a URI says: redis[s]://[[user]:password@]host[:port][/database][?option=value…]
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "adapters/redis/session.h"
#include "adapters/redis/tls.h"
#include "adapters/redis/transport.h"
#include "dr/uri.h"

namespace dr::inline v0::redis {

struct Settings {
  Endpoint endpoint = {};
  Login login = {};
  bool tls = false;
  TlsFiles files = {};
  std::string name_space = "dr";  ///< what the keys begin with, in braces
};

/// kInvalidArgument for what is unknown, out of bounds or of no use with this scheme.
absl::StatusOr<Settings> ReadSettings(const Uri& uri);

}  // namespace dr::inline v0::redis
