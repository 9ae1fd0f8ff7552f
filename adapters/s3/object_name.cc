#include "adapters/s3/object_name.h"

namespace dr::inline v0 {
namespace {

constexpr std::string_view kLetters =
    "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
static_assert(kLetters.size() == 64);
constexpr std::string_view kHighMarks = "|}~";
constexpr unsigned kPlainMin = 0x22, kPlainMax = 0x7B;

}  // namespace

std::string ObjectNameOf(std::string_view key) {
  std::string name;
  for (char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < kPlainMin) {
      name += '!';
      name += kLetters[byte];
    } else if (byte > kPlainMax) {
      const unsigned high = byte - kPlainMax - 1;
      name += kHighMarks[high / kLetters.size()];
      name += kLetters[high % kLetters.size()];
    } else {
      name += c;
    }
  }
  return name;
}

std::optional<std::string> KeyOfObjectName(std::string_view name) {
  std::string key;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    if (byte >= kPlainMin && byte <= kPlainMax) {
      key += name[i];
      continue;
    }
    const std::size_t mark = kHighMarks.find(name[i]);
    if ((mark == kHighMarks.npos && name[i] != '!') || ++i == name.size()) return std::nullopt;
    const std::size_t letter = kLetters.find(name[i]);
    if (letter == kLetters.npos) return std::nullopt;
    const std::size_t value =
        mark == kHighMarks.npos ? letter : kPlainMax + 1 + mark * kLetters.size() + letter;
    if (value > 0xFF || (mark == kHighMarks.npos && value >= kPlainMin)) return std::nullopt;
    key += static_cast<char>(value);
  }
  return key;
}

}  // namespace dr::inline v0
