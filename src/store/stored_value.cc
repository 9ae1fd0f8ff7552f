#include "dr/adapter/stored_value.h"

#include <algorithm>
#include <utility>

#include "dr/digest.h"
#include "dr/status.h"
#include "src/format/little_endian.h"

namespace dr::inline v0 {
namespace {

constexpr std::string_view kMagic = "drvalue1";
constexpr std::size_t kNonceAt = 8, kHashAt = 16;

char* PutHex(char* out, std::uint64_t number) {
  for (int shift = 60; shift >= 0; shift -= 4) *out++ = "0123456789abcdef"[number >> shift & 15];
  return out;
}

}  // namespace

StoredTrailer EncodeStoredTrailer(std::string_view key, std::string_view value,
                                  std::uint64_t nonce) {
  std::array<char, 24> title;
  StoreLittle(title.data(), nonce);
  StoreLittle(title.data() + 8, HashOf(key));
  StoreLittle(title.data() + 16, HashOf(value));
  StoredTrailer trailer;
  kMagic.copy(trailer.data(), kMagic.size());
  StoreLittle(trailer.data() + kNonceAt, nonce);
  StoreLittle(trailer.data() + kHashAt, HashOf({title.data(), title.size()}));
  return trailer;
}

Version StoredVersion(std::string_view stored) {
  const char* const trailer = stored.data() + stored.size() - kStoredTrailerBytes;
  std::string text(32, '0');
  char* rest = PutHex(text.data(), LoadLittle<std::uint64_t>(trailer + kNonceAt));
  PutHex(rest, LoadLittle<std::uint64_t>(trailer + kHashAt));
  return {std::move(text)};
}

absl::StatusOr<Item> DecodeStored(std::string_view key, std::string stored) {
  StoredTrailer trailer;
  const std::size_t trailer_bytes = std::min(stored.size(), trailer.size());
  const std::size_t value_bytes = stored.size() - trailer_bytes;
  stored.copy(trailer.data(), trailer_bytes, value_bytes);
  stored.resize(value_bytes);
  return DecodeStored(key, std::move(stored), {trailer.data(), trailer_bytes});
}

absl::StatusOr<Item> DecodeStored(std::string_view key, std::string value,
                                  std::string_view trailer) {
  const auto damaged = [&](std::string_view what) {
    return MakeFault({.kind = FaultKind::kAuthFailed,
                      .place = std::string(key),
                      .next = "restore the value from a copy"},
                     what);
  };
  if (trailer.size() < kStoredTrailerBytes) return damaged("the stored value is too short");
  const StoredTrailer expected =
      EncodeStoredTrailer(key, value, LoadLittle<std::uint64_t>(trailer.data() + kNonceAt));
  if (trailer != std::string_view(expected.data(), expected.size())) {
    return damaged("the stored value is not what was put under this key");
  }
  return Item{std::move(value), StoredVersion(trailer)};
}

}  // namespace dr::inline v0
