#include <cstdio>

#include "dr/printable.h"
#include "dr/status.h"
#include "fmt/format.h"

namespace dr::inline v0 {

int PrintError(const absl::Status& status) {
  if (status.ok()) return 0;
  fmt::print(stderr, "error: {}\n", Printable(AsStd(status.message())));
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return 2;
    case absl::StatusCode::kDataLoss:
      return 3;
    case absl::StatusCode::kUnavailable:
      return 4;
    default:
      return 1;
  }
}

}  // namespace dr::inline v0
