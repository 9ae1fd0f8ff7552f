// What the tests of this folder begin with: a store on a real server.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "dr/adapters/s3.h"
#include "fmt/format.h"
#include "tests/support/machine.h"

namespace dr::s3_test {

using test::Machine;

inline std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  INFO(name << " is missing: scripts/servers start; set -a; source build/servers/env");
  REQUIRE(value != nullptr);
  return value;
}

/// A source that always gives the same.
inline S3CredentialsSource Keys(std::string id, std::string secret) {
  return [id = std::move(id), secret = std::move(secret)](const Context&) {
    return S3Credentials{.access_key_id = id, .secret_access_key = Secret(secret)};
  };
}
inline S3CredentialsSource TestKeys() {
  return Keys(Variable("DR_TEST_AWS_ACCESS_KEY_ID"), Variable("DR_TEST_AWS_SECRET_ACCESS_KEY"));
}

inline absl::StatusOr<std::unique_ptr<StateAdapter>> OpenStore(Machine& machine,
                                                               const std::string& uri,
                                                               S3CredentialsSource source) {
  AdapterRegistry registry;
  REQUIRE(RegisterS3(registry, std::move(source)).ok());
  return registry.Open(uri, machine.environment);
}
inline absl::StatusOr<std::unique_ptr<StateAdapter>> OpenStore(Machine& machine,
                                                               const std::string& uri) {
  return OpenStore(machine, uri, TestKeys());
}

}  // namespace dr::s3_test
