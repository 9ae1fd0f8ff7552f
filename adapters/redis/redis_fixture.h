// What the tests of this folder begin with: a store on a real server.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/redis/session.h"
#include "adapters/redis/settings.h"
#include "dr/adapters/redis.h"
#include "fmt/format.h"

namespace dr::testing {

inline std::string Server(const char* variable) {
  const char* uri = std::getenv(variable);
  INFO("scripts/servers start; set -a; source build/servers/env");
  REQUIRE(uri != nullptr);
  return uri;
}

// A store of its own in every run, on a server that outlives it.
class Fixture {
 public:
  explicit Fixture(std::string server) : uri(std::move(server)) {
    const bool first = uri.find('?') == std::string::npos;
    uri += fmt::format("{}namespace=test-{:016x}", first ? "?" : "&", *random.Next());
    REQUIRE(RegisterRedis(registry).ok());
  }
  absl::StatusOr<std::unique_ptr<StateAdapter>> Open(std::string_view more = "") {
    return registry.Open(uri + std::string(more), environment);
  }

  PosixFileSystem files;
  SystemClock clock;
  SystemRandom random;
  AdapterEnvironment environment{&files, &clock, &random};
  AdapterRegistry registry;
  std::string uri;
};

// What `redis-cli` would answer, on a connection of its own.
inline redis::Reply Cli(const std::string& server, const redis::Command& command) {
  SystemClock clock;
  auto uri = ParseUri(server);
  REQUIRE(uri.ok());
  auto settings = redis::ReadSettings(*uri);
  REQUIRE(settings.ok());
  Resolver resolver(clock);
  auto session =
      redis::Session::Open(settings->seeds[0], nullptr, settings->login, 1 << 20, resolver, {});
  INFO(session.status().ToString());
  REQUIRE(session.ok());
  auto reply = (*session)->Ask(command, {});
  REQUIRE(reply.ok());
  return *std::move(reply);
}

}  // namespace dr::testing
