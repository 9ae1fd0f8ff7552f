#include "dr/stored_value.h"

#include "dr/digest.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "src/format/little_endian.h"

namespace dr::inline v0 {
namespace {

constexpr std::string_view kMagic = "drvalue1";
constexpr std::size_t kNonceAt = 8, kHashAt = 16;

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
  return {fmt::format("{:016x}{:016x}", LoadLittle<std::uint64_t>(stored.data() + kNonceAt),
                      LoadLittle<std::uint64_t>(stored.data() + kHashAt))};
}

absl::StatusOr<Item> DecodeStored(std::string_view key, std::string stored) {
  const auto damaged = [&](std::string_view what) {
    return MakeFault({.kind = FaultKind::kAuthFailed,
                      .place = std::string(key),
                      .next = "restore the value from a copy"},
                     what);
  };
  if (stored.size() < kStoredHeaderBytes) return damaged("the stored value is too short");
  const std::string_view value = std::string_view(stored).substr(kStoredHeaderBytes);
  const StoredHeader header =
      EncodeStoredHeader(key, value, LoadLittle<std::uint64_t>(stored.data() + kNonceAt));
  if (!stored.starts_with(std::string_view(header.data(), header.size()))) {
    return damaged("the stored value is not what was put under this key");
  }
  Version version = StoredVersion(stored);
  stored.erase(0, kStoredHeaderBytes);
  return Item{std::move(stored), std::move(version)};
}

}  // namespace dr::inline v0
