// Whether a file system can give a name to one of several who want it.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "dr/environment/file_system.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// Begins the name of whatever is not a value yet.
inline constexpr std::string_view kTemporaryPrefix = ".tmp-";

/// Tries it with two files that are gone afterwards. kUnimplemented where Directory::Link has no
/// way; OK where something else keeps it from trying, which the first put will tell.
DR_EXPORT absl::Status ProbeExclusiveNames(Directory& directory);

}  // namespace dr::inline v0
