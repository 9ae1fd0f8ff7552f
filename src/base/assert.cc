#include "src/base/assert.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace dr::inline v0 {

void FailAssertion(const char* file, int line, const char* condition) noexcept {
  const char* name = std::strrchr(file, '/');
  std::fprintf(stderr, "dr: assertion failed at %s:%d: %s\n", name == nullptr ? file : name + 1,
               line, condition);
  std::abort();
}

}  // namespace dr::inline v0
