// How long a test keeps its load up: a moment in every run, as long as asked in `scripts/test long`.
#pragma once

#include <chrono>
#include <cstdlib>

namespace dr::test {

inline std::chrono::milliseconds LoadTime(std::chrono::milliseconds usual) {
  const char* seconds = std::getenv("DR_LONG_SECONDS");
  return seconds == nullptr ? usual : std::chrono::seconds(std::strtoll(seconds, nullptr, 10));
}

}  // namespace dr::test
