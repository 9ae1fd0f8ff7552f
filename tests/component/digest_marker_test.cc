#include "src/component/digest_marker.h"

#include <catch2/catch.hpp>

namespace dr::test {
namespace {

TEST_CASE("A digest marker is read back as it was written") {
  const DigestMarker marker{{~0ULL}, 7, {.high = 0x0123456789abcdef, .low = 1}};
  const auto read = DecodeDigestMarker(EncodeDigestMarker(marker));
  REQUIRE(read.has_value());
  CHECK(read->as_of == marker.as_of);
  CHECK(read->schema_version == 7);
  CHECK(read->digest == marker.digest);
}

TEST_CASE("What is not a digest marker from beginning to end is none") {
  const std::string marker = EncodeDigestMarker({{5}, 1, {.high = 2, .low = 3}});
  CHECK_FALSE(DecodeDigestMarker(""));
  CHECK_FALSE(DecodeDigestMarker("digest"));
  CHECK_FALSE(DecodeDigestMarker("another kind of marker"));
  CHECK_FALSE(DecodeDigestMarker(marker + " and more"));
  CHECK_FALSE(DecodeDigestMarker(marker + std::string(1, '\0')));
  CHECK_FALSE(DecodeDigestMarker("x" + marker));
}

}  // namespace
}  // namespace dr::test
