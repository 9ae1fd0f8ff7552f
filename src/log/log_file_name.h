// The names of a log directory's files, made without memory of their own, because the log needs one
// in the middle of a rotation, where nothing may fail.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <string_view>

#include "fmt/format.h"

namespace dr::inline v0 {

class LogFileName {
 public:
  LogFileName() = default;
  explicit LogFileName(std::string_view name) : size_(std::min(name.size(), text_.size())) {
    assert(name.size() <= text_.size());
    name.copy(text_.data(), size_);
  }
  LogFileName(std::uint64_t number, std::string_view suffix) {
    char* end = fmt::format_to_n(text_.data(), text_.size(), "{:016}{}", number, suffix).out;
    size_ = static_cast<std::size_t>(end - text_.data());
  }
  std::string_view view() const { return {text_.data(), size_}; }
  operator std::string_view() const { return view(); }  // NOLINT: a name is read as one everywhere

 private:
  std::array<char, 32> text_ = {};
  std::size_t size_ = 0;
};

}  // namespace dr::inline v0

template <>
struct fmt::formatter<dr::LogFileName> : fmt::formatter<std::string_view> {
  auto format(const dr::LogFileName& name, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(name.view(), context);
  }
};
