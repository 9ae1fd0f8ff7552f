#include "dr/adapter/stored_value.h"

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

StoredHeader EncodeStoredHeader(std::string_view key, std::string_view value, std::uint64_t nonce) {
  std::array<char, 24> title;
  StoreLittle(title.data(), nonce);
  StoreLittle(title.data() + 8, HashOf(key));
  StoreLittle(title.data() + 16, HashOf(value));
  StoredHeader header;
  kMagic.copy(header.data(), kMagic.size());
  StoreLittle(header.data() + kNonceAt, nonce);
  StoreLittle(header.data() + kHashAt, HashOf({title.data(), title.size()}));
  return header;
}

Version StoredVersion(std::string_view stored) {
  std::string text(32, '0');
  char* rest = PutHex(text.data(), LoadLittle<std::uint64_t>(stored.data() + kNonceAt));
  PutHex(rest, LoadLittle<std::uint64_t>(stored.data() + kHashAt));
  return {std::move(text)};
}

absl::StatusOr<Item> DecodeStored(std::string_view key, std::string stored) {
  const std::string header = stored.substr(0, kStoredHeaderBytes);
  stored.erase(0, kStoredHeaderBytes);
  return DecodeStored(key, header, std::move(stored));
}

absl::StatusOr<Item> DecodeStored(std::string_view key, std::string_view header,
                                  std::string value) {
  const auto damaged = [&](std::string_view what) {
    return MakeFault({.kind = FaultKind::kAuthFailed,
                      .place = std::string(key),
                      .next = "restore the value from a copy"},
                     what);
  };
  if (header.size() < kStoredHeaderBytes) return damaged("the stored value is too short");
  const StoredHeader expected =
      EncodeStoredHeader(key, value, LoadLittle<std::uint64_t>(header.data() + kNonceAt));
  if (header != std::string_view(expected.data(), expected.size())) {
    return damaged("the stored value is not what was put under this key");
  }
  return Item{std::move(value), StoredVersion(header)};
}

}  // namespace dr::inline v0
