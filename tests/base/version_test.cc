#include "dr/version.h"

#include <algorithm>
#include <catch2/catch.hpp>

TEST_CASE("The library version has three numbers") {
  const std::string_view version = dr::LibraryVersion();
  CHECK(std::ranges::count(version, '.') == 2);
  CHECK(version.find_first_not_of("0123456789.") == std::string_view::npos);
}
