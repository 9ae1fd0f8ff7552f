// What is done to single components of a host without a log.
#pragma once

#include "dr/stored_state.h"
#include "src/host/admission.h"
#include "src/host/host_parts.h"

namespace dr::inline v0 {

class DirectState final : public StoredState {
 public:
  /// `admission` outlives it.
  DirectState(const HostParts& parts, Admission& admission)
      : parts_(parts), admission_(admission) {}

  absl::StatusOr<CheckpointInfo> SaveState(std::string_view id, const Context& context) override;
  absl::StatusOr<StateOutcome> LoadState(std::string_view id, const Context& context) override;
  absl::Status DeleteState(std::string_view id, const Context& context) override;

 private:
  absl::StatusOr<ComponentCore*> Find(std::string_view id) const;
  RepositoryCheckpoints& checkpoints() const { return *parts_.storage.direct(); }

  const HostParts parts_;
  Admission& admission_;
};

}  // namespace dr::inline v0
