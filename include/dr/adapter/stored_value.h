// How an adapter keeps a value in a store that keeps nothing but bytes.
//
//   stored = value  "drvalue1"  nonce u64  hash u64            (little endian)
//   hash   = XXH3-64(nonce, XXH3-64(key), XXH3-64(value))
//
// The nonce makes each Put differ from all others, so that equal bytes are not mistaken for an
// older version; the hash protects against rot and against a value under another's key. Both lie
// behind the value, so that a load drops them without moving it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "dr/adapter/state_adapter.h"
#include "dr/export.h"

namespace dr::inline v0 {

inline constexpr std::size_t kStoredTrailerBytes = 24;  ///< behind each value
/// As EncodeStoredTrailer makes it.
using StoredTrailer = std::array<char, kStoredTrailerBytes>;

/// What goes behind `value`. The nonce is random.
DR_EXPORT StoredTrailer EncodeStoredTrailer(std::string_view key, std::string_view value,
                                            std::uint64_t nonce);
/// The version that a Put with this trailer makes. `stored` ends with it, or is nothing else.
DR_EXPORT Version StoredVersion(std::string_view stored);
/// What was put; kDataLoss if `stored` is not what was put under this key.
DR_EXPORT absl::StatusOr<Item> DecodeStored(std::string_view key, std::string stored);
/// Likewise for a store that has value and trailer in separate places.
DR_EXPORT absl::StatusOr<Item> DecodeStored(std::string_view key, std::string value,
                                            std::string_view trailer);

}  // namespace dr::inline v0
