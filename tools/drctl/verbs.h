// The verbs. Each prints what it found and returns the error that becomes the exit code.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "tools/drctl/output.h"
#include "tools/drctl/source.h"

namespace drctl {

absl::Status WalInspect(Machine& machine, const Arguments& arguments);
absl::Status WalVerify(Machine& machine, const Arguments& arguments);

}  // namespace drctl
