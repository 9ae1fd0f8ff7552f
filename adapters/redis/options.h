// What a URI says:
//
//   redis[s]://[[user]:password@]host[:port][/database][?option=value…]
//   redis[s]+cluster://…host[:port][/0]      redis[s]+sentinel://…host[:port]/service[/database]
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/redis/connection.h"
#include "adapters/redis/tls.h"
#include "adapters/redis/transport.h"
#include "dr/environment/uri.h"

namespace dr::inline v0::redis {

enum class Topology { kServer, kCluster, kSentinel };

struct Options {
  Topology topology = Topology::kServer;
  std::vector<Endpoint> seeds =
      {};                    ///< the server; or nodes, or sentinels, any of which may be gone
  std::string service = {};  ///< what the sentinels call it
  Login login = {};
  bool tls = false;
  TlsFiles files = {};
  std::string name_space = "dr";  ///< what the keys begin with, in braces
};

/// kInvalidArgument for what is unknown, out of bounds or of no use with this scheme.
absl::StatusOr<Options> ReadOptions(const Uri& uri);

}  // namespace dr::inline v0::redis
