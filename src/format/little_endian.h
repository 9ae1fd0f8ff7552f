// Integers as every format version of dr stores them: little-endian, and LEB128 varints in their
// shortest form only.
#pragma once

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

/// Reads a varint at `from` and moves behind it. False where it is cut off, longer than 64 bits or
/// not in its shortest form.
inline bool TakeVarint(const char*& from, const char* end, std::uint64_t* value) {
  if (from != end && static_cast<unsigned char>(*from) < 0x80) {
    *value = static_cast<unsigned char>(*from++);
    return true;
  }
  std::uint64_t result = 0;
  for (unsigned shift = 0; shift < 64 && from != end; shift += 7) {
    const auto byte = static_cast<unsigned char>(*from++);
    if (shift == 63 && byte > 1) return false;
    result |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = result;
      return byte != 0;
    }
  }
  return false;
}

}  // namespace dr::inline v0
