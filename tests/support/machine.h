// What a test opens stores with.
#pragma once

#include <chrono>
#include <string>

#include "dr/adapter/adapter_registry.h"
#include "dr/clock.h"
#include "dr/environment/file_system.h"
#include "dr/environment/random.h"
#include "dr/types.h"
#include "fmt/format.h"

namespace dr::test {

/// This machine's files, clock and randomness. It outlives the stores; another is as good as another
/// process.
struct Machine {
  PosixFileSystem files;
  SystemClock clock;
  SystemRandom random;
  AdapterEnvironment environment{&files, &clock, &random};

  Context Within(std::chrono::nanoseconds time) const { return {.deadline = clock.Now() + time}; }
  /// A name that nothing had before.
  std::string Once() { return fmt::format("{:016x}", random.Next().value()); }
};

}  // namespace dr::test
