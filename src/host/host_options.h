// Checks what a host is asked for.
#pragma once

#include "absl/status/status.h"
#include "dr/host.h"

namespace dr::inline v0 {

/// kInvalidArgument, naming the option, its value and what is allowed; kUnimplemented and
/// kFailedPrecondition for what is not offered.
absl::Status CheckOptions(const HostOptions& options);

}  // namespace dr::inline v0
