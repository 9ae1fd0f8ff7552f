// Payloads and records of this demo: fields with tabs between them, so that `drctl log show` is
// readable. Any encoding would do; dr never looks inside.
#pragma once

#include <charconv>
#include <concepts>
#include <string_view>

namespace demo {

/// Takes one field after the other. A field that is missing or not the number asked for is empty
/// or 0, and clears ok().
class Fields {
 public:
  explicit Fields(std::string_view text) : rest_(text), more_(true) {}

  std::string_view Text() {
    ok_ = ok_ && more_;
    if (!ok_) return {};
    const std::size_t tab = rest_.find('\t');
    const std::string_view field = rest_.substr(0, tab);
    more_ = tab != std::string_view::npos;
    rest_.remove_prefix(more_ ? tab + 1 : rest_.size());
    return field;
  }
  template <std::unsigned_integral Number>
  Number Take() {
    const std::string_view field = Text();
    Number number = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), number);
    if (error == std::errc() && end == field.data() + field.size()) return number;
    ok_ = false;
    return 0;
  }
  bool more() const { return ok_ && more_; }
  /// All fields were there and none is left.
  bool complete() const { return ok_ && !more_; }

 private:
  std::string_view rest_;
  bool more_, ok_ = true;
};

}  // namespace demo
