// A directory as a store: file:///var/backups/agent
//
// DirectoryStore under a URI. The path is absolute; missing directories are made.
#pragma once

#include "absl/status/status.h"
#include "dr/adapter/adapter_registry.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// Takes the scheme `file`.
DR_EXPORT absl::Status RegisterFilesystem(AdapterRegistry& registry);

}  // namespace dr::inline v0
