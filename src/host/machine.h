// The files, clock and randomness that a host was given, or the machine's own.
#pragma once

#include <type_traits>

#include "dr/clock.h"
#include "dr/environment/file_system.h"
#include "dr/environment/random.h"
#include "dr/host.h"

namespace dr::inline v0 {

class Machine {
 public:
  explicit Machine(const Environment& given)
      : files(Or(given.files, real_files_)),
        clock(Or(given.clock, real_clock_)),
        random(Or(given.random, real_random_)) {}
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

 private:
  template <typename T>
  static T& Or(T* given, std::type_identity_t<T>& real) {
    return given != nullptr ? *given : real;
  }

  PosixFileSystem real_files_;
  SystemClock real_clock_;
  SystemRandom real_random_;

 public:
  FileSystem& files;
  const Clock& clock;
  Random& random;
};

}  // namespace dr::inline v0
