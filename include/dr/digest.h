// Hashes against rot and for comparing states. They do not protect against a forger.
//
//   dr::Digest digest;
//   for (const auto& [key, value] : map) {
//     digest += dr::DigestOf(Encode(key, value));     // in any order
//   }
//   digest -= dr::DigestOf(old_record);               // kept incrementally
//   fmt::print("{}\n", dr::ToHex(digest));
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dr/export.h"

namespace dr::inline v0 {

/// XXH3-64: what segments and chunk references carry.
DR_EXPORT std::uint64_t HashOf(std::string_view bytes);

/// The sum, modulo 2^128, of the hashes of a set's records: the same in any order. A record that
/// occurs twice counts twice; the digest of no records is zero.
struct Digest {
  std::uint64_t high = 0;  ///< the upper half of 128 bits
  std::uint64_t low = 0;   ///< and the lower

  /// Of both sets together.
  constexpr Digest& operator+=(const Digest& other) {
    low += other.low;
    high += other.high + (low < other.low ? 1 : 0);
    return *this;
  }
  /// Of what is left when the other set is taken out.
  constexpr Digest& operator-=(const Digest& other) {
    high -= other.high + (low < other.low ? 1 : 0);
    low -= other.low;
    return *this;
  }
  friend constexpr bool operator==(const Digest&, const Digest&) = default;
};

/// What identifies bytes among all others, as long as nobody forges them.
using Sha256 = std::array<char, 32>;
/// FIPS 180-4.
DR_EXPORT Sha256 Sha256Of(std::string_view bytes);

/// The digest of one record: its XXH3-128.
DR_EXPORT Digest DigestOf(std::string_view record);

/// 32 lower-case digits, most significant first.
DR_EXPORT std::string ToHex(const Digest& digest);
/// 64 lower-case digits, as every other tool prints them.
DR_EXPORT std::string ToHex(const Sha256& hash);
/// What ToHex wrote; nullopt for anything else.
DR_EXPORT std::optional<Digest> DigestFromHex(std::string_view hex);

}  // namespace dr::inline v0
