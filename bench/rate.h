// How often something can be done in a second, by several threads at once.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

namespace bench {

/// Calls `work(thread)` on `threads` threads again and again for `seconds` and adds up what it says
/// it has done. Returns that per second, or the first error.
absl::StatusOr<double> Rate(int threads, double seconds,
                            absl::FunctionRef<absl::StatusOr<std::uint64_t>(int)> work);

/// Seconds on the steady clock since an arbitrary start.
double Seconds();

}  // namespace bench
