// What the machine says of this process.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"

namespace dr::inline v0 {

struct ProcessFacts {
  std::uint32_t user = 0;  ///< by whose rights it works
  std::uint64_t open_files_max = 0;
};
absl::StatusOr<ProcessFacts> ReadProcessFacts();

}  // namespace dr::inline v0
