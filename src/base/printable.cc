#include "dr/printable.h"

#include <array>
#include <cstdint>
#include <iterator>

#include "fmt/format.h"
#include "src/base/printable.h"

namespace dr::inline v0 {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 0;  // 0: not UTF-8
};

// Accepts the shortest form only, and no surrogates: two spellings of one character would let a
// control character through.
CodePoint Decode(std::string_view text) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < bytes) return {};
  std::uint32_t value = first & (0xFFu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = (value << 6) | (byte(i) & 0x3F);
  }
  constexpr std::array<std::uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < kSmallest[bytes] || value > 0x10FFFF || surrogate) return {};
  return {value, bytes};
}

// Controls, line separators, and the marks that reorder what a terminal shows.
bool IsUnsafe(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

std::size_t PrintableBytes(std::string_view text) {
  const CodePoint c = Decode(text);
  return IsUnsafe(c.value) ? 0 : c.bytes;
}

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  auto append = std::back_inserter(out);
  while (!text.empty()) {
    const CodePoint c = Decode(text);
    if (c.bytes == 0) {
      fmt::format_to(append, "\\x{:02x}", static_cast<unsigned char>(text[0]));
    } else if (c.value == '\n') {
      out += "\\n";
    } else if (IsUnsafe(c.value) && c.value < 0x80) {
      fmt::format_to(append, "\\x{:02x}", c.value);
    } else if (IsUnsafe(c.value)) {
      fmt::format_to(append, "\\u{:04x}", c.value);
    } else {
      out += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes == 0 ? 1 : c.bytes);
  }
  return out;
}

}  // namespace dr::inline v0
