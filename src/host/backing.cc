#include "src/host/backing.h"

#include "dr/status.h"
#include "fmt/format.h"

namespace dr::inline v0 {

absl::StatusOr<ComponentCore*> Direct(const ComponentTable& components, Backing& backing,
                                      std::string_view call, std::string_view id) {
  if (backing.direct() == nullptr) {
    return MakeFault({.kind = FaultKind::kUsage,
                      .next = "use Checkpoint; a host with a repository and no directory has it"},
                     fmt::format("{} is not for a host whose directory has it all", call));
  }
  const auto found = components.find(id);
  if (found != components.end()) return found->second.get();
  return MakeFault({.kind = FaultKind::kMissing,
                    .place = std::string(id),
                    .next = "name one of HostOptions::components"},
                   fmt::format("the host has no component '{}'", id));
}

}  // namespace dr::inline v0
