// Whether a file system can give a name to exactly one of several processes that want it.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "dr/environment/file_system.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// Begins the name of whatever is not a value yet.
inline constexpr std::string_view kTemporaryPrefix = ".tmp-";

/// Tries it with two files, which it removes again. kUnimplemented where Directory::Link has no way
/// to do it; OK where something else prevents the trial, which the first put will report.
DR_EXPORT absl::Status ProbeExclusiveNames(Directory& directory);

}  // namespace dr::inline v0
