// Keeps descriptors 0 to 2 free of anything that is not a standard stream.
//
// A program may run with its standard streams closed. The kernel gives the lowest free number, so
// that a file or a socket which is opened then gets 0, 1 or 2, and what the program prints lands in
// it. FileDescriptor moves what dr opens itself; around a call of a library that opens descriptors
// of its own, StandardStreams takes the numbers meanwhile:
//
//   const StandardStreams taken;
//   connection = redisConnect(…);
#pragma once

#include "dr/export.h"

namespace dr::inline v0 {

/// The same open file under a number above 2; a negative `fd` as it is. -1, errno set, and `fd`
/// closed where no number is left. Keeps errno otherwise.
DR_EXPORT int AboveStandardStreams(int fd);

/// While any of these lives, nothing that the process opens gets a number from 0 to 2. Reading and
/// writing those that were closed fails as before (EBADF). Thread-safe.
class DR_EXPORT StandardStreams {
 public:
  StandardStreams();
  ~StandardStreams();
  StandardStreams(const StandardStreams&) = delete;
  StandardStreams& operator=(const StandardStreams&) = delete;
};

}  // namespace dr::inline v0
