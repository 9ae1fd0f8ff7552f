// How a value lies in a store that keeps nothing but bytes.
#include "dr/adapter/stored_value.h"

#include <catch2/catch.hpp>
#include <string>

namespace dr {
namespace {

std::string Stored(std::string_view key, std::string_view value, std::uint64_t nonce) {
  const StoredTrailer trailer = EncodeStoredTrailer(key, value, nonce);
  return std::string(value).append(trailer.data(), trailer.size());
}

TEST_CASE("A stored value is the value, a name, the nonce and a hash") {
  const std::string stored = Stored("runs/1", "bytes", 0x0102030405060708);
  REQUIRE(stored.size() == 5 + kStoredTrailerBytes);
  CHECK(stored.substr(0, 13) == "bytesdrvalue1");
  CHECK(stored.substr(13, 8) == "\x08\x07\x06\x05\x04\x03\x02\x01");
}

TEST_CASE("What was put is loaded, with its version and in the same memory") {
  const std::string large(100'000, 'l');
  for (const std::string& value : {std::string(), std::string("bytes"), large}) {
    std::string stored = Stored("runs/1", value, 7);
    const Version version = StoredVersion(stored);
    CHECK(StoredVersion(std::string_view(stored).substr(value.size())) == version);
    const char* const memory = stored.data();
    const absl::StatusOr<Item> item = DecodeStored("runs/1", std::move(stored));
    REQUIRE(item.ok());
    CHECK(item->value == value);
    CHECK(item->version == version);
    CHECK((value.size() < large.size() || item->value.data() == memory));
  }
}

TEST_CASE("A stored value that was cut, changed or moved to another key is lost") {
  const std::string stored = Stored("runs/1", "bytes", 7);
  CHECK(absl::IsDataLoss(DecodeStored("runs/2", stored).status()));
  CHECK(absl::IsDataLoss(DecodeStored("runs/1", stored + "x").status()));
  for (std::size_t i = 0; i < stored.size(); ++i) {
    CHECK(absl::IsDataLoss(DecodeStored("runs/1", stored.substr(0, i)).status()));
    CHECK(absl::IsDataLoss(DecodeStored("runs/1", stored.substr(i + 1)).status()));
    std::string changed = stored;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK(absl::IsDataLoss(DecodeStored("runs/1", changed).status()));
  }
}

}  // namespace
}  // namespace dr
