// How an adapter keeps a value in a store that keeps nothing but bytes.
//
//   stored = "drvalue1"  nonce u64  hash u64  value            (little endian)
//   hash   = XXH3-64(nonce, XXH3-64(key), XXH3-64(value))
//
// The nonce makes each Put differ from all others, so that equal bytes are not mistaken for an
// older version; the hash protects against rot and against a value under another's key.
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

inline constexpr std::size_t kStoredHeaderBytes = 24;  ///< in front of each value
/// As EncodeStoredHeader makes it.
using StoredHeader = std::array<char, kStoredHeaderBytes>;

/// What goes in front of `value`. The nonce is random.
DR_EXPORT StoredHeader EncodeStoredHeader(std::string_view key, std::string_view value,
                                          std::uint64_t nonce);
/// The version that a Put with this header makes. `stored` has at least the bytes of a header.
DR_EXPORT Version StoredVersion(std::string_view stored);
/// What was put; kDataLoss if `stored` is not what was put under this key.
DR_EXPORT absl::StatusOr<Item> DecodeStored(std::string_view key, std::string stored);
/// Likewise for a store that can read header and value separately, which saves moving the value.
DR_EXPORT absl::StatusOr<Item> DecodeStored(std::string_view key, std::string_view header,
                                            std::string value);

}  // namespace dr::inline v0
