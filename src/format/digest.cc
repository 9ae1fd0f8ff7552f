#include "dr/digest.h"

#include <fmt/format.h>
#include <openssl/sha.h>
#include <xxhash.h>

#include <charconv>

#include "src/format/hash_avx2.h"

namespace dr::inline v0 {

namespace {

bool HasAvx2For(std::size_t bytes) {
#if defined(__x86_64__)
  constexpr std::size_t kLong = 240;  // up to here XXH3 has no use for it
  return bytes > kLong && __builtin_cpu_supports("avx2");
#else
  static_cast<void>(bytes);
  return false;
#endif
}

}  // namespace

std::uint64_t HashOf(std::string_view bytes) {
  if (HasAvx2For(bytes.size())) return HashWithAvx2(bytes.data(), bytes.size());
  return XXH3_64bits(bytes.data(), bytes.size());
}

Sha256 Sha256Of(std::string_view bytes) {
  Sha256 hash;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

Digest DigestOf(std::string_view record) {
  if (HasAvx2For(record.size())) return DigestWithAvx2(record.data(), record.size());
  const XXH128_hash_t hash = XXH3_128bits(record.data(), record.size());
  return {.high = hash.high64, .low = hash.low64};
}

std::string ToHex(const Digest& digest) {
  return fmt::format("{:016x}{:016x}", digest.high, digest.low);
}

std::string ToHex(const Sha256& hash) {
  std::string hex;
  for (char c : hash) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
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
