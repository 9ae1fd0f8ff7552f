#include "dr/digest.h"

#include <xxhash.h>

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

namespace dr::test {
namespace {

TEST_CASE("A hash is XXH3's at every length, whatever instructions compute it") {
  std::string bytes(5000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 131 + i / 251);
  for (std::size_t size = 0; size <= bytes.size(); size += size < 600 ? 1 : 97) {
    const std::string_view part = std::string_view(bytes).substr(bytes.size() - size);
    if (HashOf(part) != XXH3_64bits(part.data(), part.size())) FAIL("length " << size);
  }
  CHECK(HashOf(bytes) == XXH3_64bits(bytes.data(), bytes.size()));
}

TEST_CASE("The hashes are XXH3's: the values its specification publishes") {
  CHECK(HashOf("") == 0x2d06800538d394c2ULL);
  CHECK(ToHex(DigestOf("")) == "99aa06d3014798d86001c324468d497f");
}

TEST_CASE("P12: a digest is the same in any order and can be kept incrementally") {
  Digest forwards, backwards;
  for (int i = 0; i < 1000; ++i) forwards += DigestOf(std::to_string(i));
  for (int i = 999; i >= 0; --i) backwards += DigestOf(std::to_string(i));
  CHECK(forwards == backwards);
  forwards -= DigestOf("500");
  CHECK(forwards != backwards);
  forwards += DigestOf("500");
  CHECK(forwards == backwards);
  for (int i = 0; i < 1000; ++i) forwards -= DigestOf(std::to_string(i));
  CHECK(forwards == Digest{});
}

TEST_CASE("A record that occurs twice is not the same as none or one") {
  Digest once = DigestOf("a"), twice = once;
  twice += once;
  CHECK(twice != once);
  CHECK(twice != Digest{});
}

TEST_CASE("Sums and differences carry between the halves") {
  constexpr std::uint64_t kMax = ~std::uint64_t{0};
  Digest digest{.high = 1, .low = kMax};
  digest += {.high = 2, .low = 1};
  CHECK(digest == Digest{.high = 4, .low = 0});
  digest -= {.high = 0, .low = 1};
  CHECK(digest == Digest{.high = 3, .low = kMax});
  digest -= {.high = 3, .low = kMax};
  CHECK(digest == Digest{});
  digest -= {.high = 0, .low = 1};
  CHECK(digest == Digest{.high = kMax, .low = kMax});
}

TEST_CASE("Hex is 32 lower-case digits and comes back, nothing else does") {
  const Digest digest{.high = 0x0123456789abcdef, .low = 0xf};
  CHECK(ToHex(digest) == "0123456789abcdef000000000000000f");
  CHECK(DigestFromHex(ToHex(digest)) == digest);
  for (const char* bad : {"", "0", "0123456789ABCDEF000000000000000f",
                          "0123456789abcdef0000000000000f", "0123456789abcdef000000000000000f0",
                          "+123456789abcdef000000000000000f", "0123456789abcdef 00000000000000f"}) {
    CAPTURE(bad);
    CHECK_FALSE(DigestFromHex(bad).has_value());
  }
}

}  // namespace
}  // namespace dr::test
