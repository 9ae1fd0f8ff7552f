// What the verbs share in what they print.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "dr/repository/manifest.h"
#include "tools/drctl/json.h"

namespace drctl {

/// Colours only where stdout is a terminal and NO_COLOR is not set.
std::string Good(std::string_view text);
std::string Bad(std::string_view text);

std::string TimeText(absl::Time time);  ///< RFC 3339, UTC, microseconds
std::string LogIdText(const dr::LogId& id);
/// kind, place, offset, lsn, message and next, as far as the error has them.
JsonObject JsonError(const absl::Status& status);

}  // namespace drctl
