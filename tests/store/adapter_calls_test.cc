#include "dr/adapter/adapter_calls.h"

#include <catch2/catch.hpp>

namespace dr {
namespace {

TEST_CASE(
    "The end of a prefix is behind every key that begins with it, and nothing is in between") {
  CHECK(EndOfPrefix("a") == "b");
  CHECK(EndOfPrefix("a\x7f") == "a\x80");
  CHECK(EndOfPrefix("a\xfe") == "a\xff");
  CHECK(EndOfPrefix("a\xff\xff") == "b");
  CHECK(EndOfPrefix(std::string_view("a\0", 2)) == "a\x01");
  CHECK(EndOfPrefix("") == "");
  CHECK(EndOfPrefix("\xff\xff") == "");
}

}  // namespace
}  // namespace dr
