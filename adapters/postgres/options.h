// What a URI says of a server:
//
//   postgres://user[:password]@host[:port][,host[:port]…]/database?option=value…
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "dr/environment/uri.h"
#include "dr/secret.h"

namespace dr::inline v0::postgres {

struct Server {
  struct Host {
    std::string name;  ///< or an address, or the folder of a unix socket; empty: as libpq finds it
    std::string port;  ///< likewise
  };
  std::vector<Host> hosts = {};
  Secret password = {};
  /// For libpq, by its names; none is empty.
  std::vector<std::pair<std::string, std::string>> parameters = {};
  std::string place = {};                        ///< for errors: the URI without its secrets
  std::chrono::milliseconds patience = {};       ///< how long a call without a deadline waits
  std::chrono::milliseconds dial_patience = {};  ///< how long a host has to take a connection
};

struct Options {
  Server server = {};
  std::string name_space = "default";
  std::string schema = "dr";
  std::size_t connections = 4;
};

/// kInvalidArgument, by name, for what is unknown, out of bounds, or would have no effect here.
absl::StatusOr<Options> ReadOptions(const Uri& uri);

}  // namespace dr::inline v0::postgres
