// Integers as every format version of dr stores them: little-endian, and LEB128 varints in their
// shortest form only.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace dr::inline v0 {

static_assert(std::endian::native == std::endian::little,
              "dr stores integers as they lie in memory");

template <typename T>
T LoadLittle(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

template <typename T>
void StoreLittle(char* to, T value) {
  std::memcpy(to, &value, sizeof(value));
}

template <std::size_t kSize>
void StoreBytes(char* to, const std::array<char, kSize>& bytes) {
  std::memcpy(to, bytes.data(), kSize);
}

template <std::size_t kSize>
std::array<char, kSize> LoadBytes(const char* from) {
  std::array<char, kSize> bytes;
  std::memcpy(bytes.data(), from, kSize);
  return bytes;
}

inline constexpr std::size_t kMaxVarintBytes = 10;

/// Returns the first byte behind the varint.
inline char* StoreVarint(char* to, std::uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  return to;
}

/// As TakeVarint, for one of two bytes or more.
inline const char* TakeLongVarint(const char* from, const char* end, std::uint64_t* value) {
  std::uint64_t result = 0;
  for (unsigned shift = 0; shift < 64 && from != end; shift += 7) {
    const auto byte = static_cast<unsigned char>(*from++);
    if (shift == 63 && byte > 1) return nullptr;
    result |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = result;
      return byte != 0 ? from : nullptr;
    }
  }
  return nullptr;
}

/// Reads the varint at `from`; returns the first byte behind it, or null where it is cut off,
/// longer than 64 bits or not in its shortest form.
inline const char* TakeVarint(const char* from, const char* end, std::uint64_t* value) {
  if (from == end || static_cast<unsigned char>(*from) >= 0x80) {
    return TakeLongVarint(from, end, value);
  }
  *value = static_cast<unsigned char>(*from);
  return from + 1;
}

}  // namespace dr::inline v0
