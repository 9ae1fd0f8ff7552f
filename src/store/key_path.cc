#include "src/store/key_path.h"

#include <algorithm>

#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kPieceBytes = 80;  // of the key; three times that when all is escaped
constexpr std::string_view kEmpty = "%";

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

std::string Escape(std::string_view piece) {
  if (piece.empty()) return std::string(kEmpty);
  std::string name;
  for (char c : piece) {
    // A leading dot would collide with "." and "..", and with files of our own.
    if (IsPlain(c) && !(c == '.' && name.empty())) {
      name += c;
    } else {
      name += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return name;
}

}  // namespace

std::vector<std::string> PathOfKey(std::string_view key) {
  std::vector<std::string> path;
  for (;;) {
    const std::size_t slash = std::min(key.find('/'), key.size());
    std::string_view component = key.substr(0, slash);
    while (component.size() > kPieceBytes) {
      path.push_back(Escape(component.substr(0, kPieceBytes)) + kPieceSuffix);
      component.remove_prefix(kPieceBytes);
    }
    path.push_back(Escape(component));
    if (slash == key.size()) return path;
    path.back() += kComponentSuffix;
    key.remove_prefix(slash + 1);
  }
}

std::optional<std::string> KeyOfName(std::string_view name, bool directory) {
  char suffix = 0;
  if (directory) {
    if (name.empty()) return std::nullopt;
    suffix = name.back();
    if (suffix != kComponentSuffix && suffix != kPieceSuffix) return std::nullopt;
    name.remove_suffix(1);
  }
  std::string key;
  for (std::size_t i = 0; i < name.size() && name != kEmpty; ++i) {
    if (name[i] != '%') {
      key += name[i];
      continue;
    }
    const auto digit = [&](std::size_t at) {
      constexpr std::string_view kDigits = "0123456789ABCDEF";
      return at < name.size() ? kDigits.find(name[at]) : std::string_view::npos;
    };
    const std::size_t high = digit(i + 1), low = digit(i + 2);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    key += static_cast<char>(high * 16 + low);
    i += 2;
  }
  // Only the one spelling that PathOfKey writes is ours.
  const bool whole = suffix == kPieceSuffix ? key.size() == kPieceBytes : key.size() <= kPieceBytes;
  if (!whole || key.find('/') != key.npos || Escape(key) != name) return std::nullopt;
  if (suffix == kComponentSuffix) key += '/';
  return key;
}

}  // namespace dr::inline v0
