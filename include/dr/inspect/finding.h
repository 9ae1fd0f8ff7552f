// What an examination has found, as data.
#pragma once

#include <cstdint>
#include <string>

namespace dr::inline v0 {

enum class Severity : std::uint8_t {
  kWarning,  ///< dr keeps its promises here, but a person should know
  kUnsafe,   ///< what is acknowledged here may be lost
};

struct Finding {
  Severity severity = Severity::kWarning;
  std::string what = {};
  std::string next = {};  ///< what to do, one lower-case imperative
};

}  // namespace dr::inline v0
