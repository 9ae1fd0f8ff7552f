// What the calls of all adapters have in common: what is refused before the store is asked, and the
// errors that StateAdapter's contract names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "dr/adapter/state_adapter.h"
#include "dr/clock.h"
#include "dr/environment/file_system.h"
#include "dr/export.h"

namespace dr::inline v0 {

/// OK if key, value and options are within what `can` declares, and the context has not ended.
DR_EXPORT absl::Status CheckPut(const Capabilities& can, std::string_view key,
                                std::string_view value, const PutOptions& options,
                                const Context& context, const Clock& clock);
/// Likewise for Get.
DR_EXPORT absl::Status CheckGet(const Capabilities& can, std::string_view key,
                                const Context& context, const Clock& clock);
/// Likewise for Delete.
DR_EXPORT absl::Status CheckDelete(const Capabilities& can, std::string_view key,
                                   const DeleteOptions& options, const Context& context,
                                   const Clock& clock);

/// The least key that comes after all keys with `prefix`; empty if there is none.
DR_EXPORT std::string EndOfPrefix(std::string_view prefix);

/// Why what is stored on this volume is not durable or not fence-safe, for
/// Capabilities::weaknesses.
DR_EXPORT std::vector<std::string> WeaknessesOf(const VolumeInfo& volume);

/// kNotFound
DR_EXPORT absl::Status NoValue(std::string_view key);
/// kAlreadyExists
DR_EXPORT absl::Status ValueExists(std::string_view key);
/// kAborted: the value has another version.
DR_EXPORT absl::Status ValueChanged(std::string_view key);
/// kUnknown: a Put or Delete may have happened, or may yet happen. `why` says why there is no
/// answer.
DR_EXPORT absl::Status MayHaveHappened(std::string_view key, const absl::Status& why);

}  // namespace dr::inline v0
