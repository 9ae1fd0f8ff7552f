// What the tests of this folder begin with: a store on a real server.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/redis/connection.h"
#include "adapters/redis/options.h"
#include "dr/adapters/redis.h"
#include "fmt/format.h"
#include "tests/support/machine.h"

namespace dr::test {

inline std::string Server(const char* variable) {
  const char* uri = std::getenv(variable);
  INFO("scripts/servers start; set -a; source build/servers/env");
  REQUIRE(uri != nullptr);
  return uri;
}

// A store of its own in every run, on a server that outlives it.
class Fixture : public Machine {
 public:
  explicit Fixture(std::string server) : uri(std::move(server)) {
    const bool first = uri.find('?') == std::string::npos;
    uri += fmt::format("{}namespace=test-{}", first ? "?" : "&", Once());
    REQUIRE(RegisterRedis(registry).ok());
  }
  absl::StatusOr<std::unique_ptr<StateAdapter>> Open(std::string_view more = "") {
    return registry.Open(uri + std::string(more), environment);
  }

  AdapterRegistry registry;
  std::string uri;
};

// What `redis-cli` would answer, on a connection of its own.
inline redis::Reply Cli(const std::string& server, const redis::Command& command) {
  SystemClock clock;
  auto uri = ParseUri(server);
  REQUIRE(uri.ok());
  auto options = redis::ReadOptions(*uri);
  REQUIRE(options.ok());
  Resolver resolver(clock);
  auto connection =
      redis::Connection::Open(options->seeds[0], nullptr, options->login, 1 << 20, resolver, {});
  INFO(connection.status().ToString());
  REQUIRE(connection.ok());
  auto reply = (*connection)->Ask(command, {});
  REQUIRE(reply.ok());
  return *std::move(reply);
}

}  // namespace dr::test
