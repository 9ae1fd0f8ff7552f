// What an examination has found, as data.
#pragma once

#include <cstdint>
#include <string>

#include "dr/compiler.h"

namespace dr::inline v0 {

/// How much a finding matters.
enum class Severity : std::uint8_t {
  kWarning,  ///< dr keeps its promises here, but a person should know
  kUnsafe,   ///< what is acknowledged here may be lost
};

/// Something that a person should know about a place.
struct Finding {
  Severity severity = Severity::kWarning;  ///< how much it matters
  std::string what = {};                   ///< what was found, for a person
  std::string next = {};                   ///< what to do, one lower-case imperative
};

}  // namespace dr::inline v0
