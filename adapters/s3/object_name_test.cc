#include "adapters/s3/object_name.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace dr::s3_test {
namespace {

TEST_CASE("Names of objects keep the order of keys and lead back to them") {
  std::vector<std::string> keys;
  for (int a = 0; a < 256; ++a) {
    keys.push_back(std::string(1, static_cast<char>(a)));
    for (int b = 0; b < 256; b += 5) {
      keys.push_back({static_cast<char>(a), static_cast<char>(b)});
    }
  }
  std::sort(keys.begin(), keys.end());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string name = ObjectNameOf(keys[i]);
    CHECK(KeyOfObjectName(name) == keys[i]);
    CHECK(name.find_first_of(std::string_view(" \0\x7f", 3)) == name.npos);
    if (i > 0) CHECK(ObjectNameOf(keys[i - 1]) < name);
  }
  CHECK(ObjectNameOf("runs/1.x") == "runs/1.x");
  for (const char* name : {"!", "!~probe-1", "!z", "a b", "~", "~z", "\xc3\xa9"}) {
    INFO(name);
    CHECK_FALSE(KeyOfObjectName(name));
  }
}

}  // namespace
}  // namespace dr::s3_test
