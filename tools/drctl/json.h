// JSON as text, built from the inside out.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "fmt/format.h"

namespace drctl {

/// `text` quoted. What is not printable is written out first ("\x1b"), so any bytes give valid
/// JSON.
std::string JsonQuote(std::string_view text);

inline std::string JsonValue(bool value) { return value ? "true" : "false"; }
inline std::string JsonValue(double value) { return fmt::format("{:.3f}", value); }
inline std::string JsonValue(std::integral auto value) { return fmt::format("{}", value); }
inline std::string JsonValue(std::string_view value) { return JsonQuote(value); }
inline std::string JsonValue(const char* value) { return JsonQuote(value); }

class JsonArray {
 public:
  template <typename T>
  void Add(const T& value) {
    text_ += (text_.empty() ? "" : ",") + JsonValue(value);
  }
  std::string text() const { return "[" + text_ + "]"; }

 private:
  std::string text_;
};
inline std::string JsonValue(const JsonArray& value) { return value.text(); }

class JsonObject {
 public:
  template <typename T>
  JsonObject& Add(std::string_view key, const T& value);
  std::string text() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};
inline std::string JsonValue(const JsonObject& value) { return value.text(); }

template <typename T>
JsonObject& JsonObject::Add(std::string_view key, const T& value) {
  text_ += (text_.empty() ? "" : ",") + JsonQuote(key) + ":" + JsonValue(value);
  return *this;
}

}  // namespace drctl
