#include "src/host/direct_state.h"

#include <string>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {

absl::StatusOr<ComponentCore*> DirectState::Find(std::string_view id) const {
  if (ComponentCore* core = parts_.components.Find(id); core != nullptr) return core;
  return MakeFault({.kind = FaultKind::kMissing,
                    .place = std::string(id),
                    .next = "name one of HostOptions::components"},
                   fmt::format("the host has no component '{}'", id));
}

absl::StatusOr<CheckpointInfo> DirectState::SaveState(std::string_view id, const Context& context) {
  return admission_.Admit([&]() -> absl::StatusOr<CheckpointInfo> {
    DR_ASSIGN_OR_RETURN(ComponentCore * core, Find(id));
    return parts_.checkpointer.Write(context, [&] { return checkpoints().Save(*core, context); });
  });
}

absl::StatusOr<StateOutcome> DirectState::LoadState(std::string_view id, const Context& context) {
  return admission_.Admit([&]() -> absl::StatusOr<StateOutcome> {
    DR_ASSIGN_OR_RETURN(ComponentCore * core, Find(id));
    absl::StatusOr<StateOutcome> outcome = StateOutcome::kMissing;
    DR_RETURN_IF_ERROR(parts_.checkpointer.InTurn(context, [&] {
      outcome = checkpoints().Load(*core, context);
      return outcome.status();
    }));
    return outcome;
  });
}

absl::Status DirectState::DeleteState(std::string_view id, const Context& context) {
  return admission_.Admit([&]() -> absl::Status {
    DR_ASSIGN_OR_RETURN(ComponentCore * core, Find(id));
    return parts_.checkpointer.Write(context, [&] { return checkpoints().Delete(*core, context); })
        .status();
  });
}

}  // namespace dr::inline v0
