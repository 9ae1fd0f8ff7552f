// For what has a file's name and is no file: a folder, a link, a FIFO, a device.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "dr/environment/file_system.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// Gives anything but a regular file another name (NAME.aside-1), for files that may be missing.
DR_EXPORT absl::Status SetAsideUnlessFile(Directory& directory, std::string_view name);

}  // namespace dr::inline v0
