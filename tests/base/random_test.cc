#include "dr/environment/random.h"

#include <set>
#include <string>

#include "catch2/catch.hpp"

namespace {

TEST_CASE("The kernel's randomness fills large buffers whole and does not repeat") {
  dr::SystemRandom random;
  std::string bytes(1 << 20, '\0');
  REQUIRE(random.Fill(bytes).ok());
  CHECK(bytes.substr(bytes.size() - 32) != std::string(32, '\0'));
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) CHECK(seen.insert(random.Next().value()).second);
  CHECK(random.Fill({}).ok());
}

}  // namespace
