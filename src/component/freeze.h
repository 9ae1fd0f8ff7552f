// The state of a component that goes on working at one moment, and the way back: another state in
// the place of the one it has.
#pragma once

#include <chrono>
#include <optional>

#include "absl/status/statusor.h"
#include "src/component/component_core.h"

namespace dr::inline v0 {

struct Frozen {
  Lsn as_of = {};       ///< includes every operation of the component up to here
  bool changed = true;  ///< since what it was compared with; otherwise there is no copy
  StateCopy copy = {};
  std::chrono::nanoseconds pause = {};  ///< that writers of the component waited for it
};

// The component is attached. These wait for its state within `context`, and fail also where it has
// failed.

/// `previous`: what the newest checkpoint includes; nullopt if it has none of this component.
absl::StatusOr<Frozen> Freeze(ComponentCore& core, std::optional<Lsn> previous,
                              const Context& context);
/// Replaces the state between two operations. `state` is whole, so an error is the component's.
absl::Status Reload(ComponentCore& core, StateReader& state, const Context& context);

}  // namespace dr::inline v0
