// Creation of what never changes.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "dr/adapter/state_adapter.h"

namespace dr::inline v0 {

/// Puts `bytes` under `key` if it is absent. If the same bytes are there already, they are the
/// caller's own from a put without an answer. kAborted: something else is there. kUnknown: the put
/// may still arrive; call again with the same bytes.
absl::Status PutOnce(StateAdapter& store, std::string_view key, std::string_view bytes,
                     std::optional<absl::Duration> ttl, const Context& context);

}  // namespace dr::inline v0
