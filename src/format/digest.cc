#include "dr/digest.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <charconv>

#include "src/format/hash_avx2.h"

namespace dr::inline v0 {

std::uint64_t HashOf(std::string_view bytes) {
#if defined(__x86_64__)
  constexpr std::size_t kLong = 240;  // up to here XXH3 has no use for it
  if (bytes.size() > kLong && __builtin_cpu_supports("avx2")) {
    return HashWithAvx2(bytes.data(), bytes.size());
  }
#endif
  return XXH3_64bits(bytes.data(), bytes.size());
}

Digest DigestOf(std::string_view record) {
  const XXH128_hash_t hash = XXH3_128bits(record.data(), record.size());
  return {.high = hash.high64, .low = hash.low64};
}

std::string ToHex(const Digest& digest) {
  return fmt::format("{:016x}{:016x}", digest.high, digest.low);
}

std::optional<Digest> DigestFromHex(std::string_view hex) {
  if (hex.size() != 32) return std::nullopt;
  if (hex.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  Digest digest;
  std::from_chars(hex.data(), hex.data() + 16, digest.high, 16);
  std::from_chars(hex.data() + 16, hex.data() + 32, digest.low, 16);
  return digest;
}

}  // namespace dr::inline v0
