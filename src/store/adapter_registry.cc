#include "dr/adapter/adapter_registry.h"

#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/store/layers/each.h"

namespace dr::inline v0 {

absl::Status AdapterRegistry::Register(std::string_view scheme, AdapterFactory factory) {
  DR_ASSIGN_OR_RETURN(Uri uri, ParseUri(fmt::format("{}:///", scheme)));
  if (uri.scheme != scheme || !factory) {
    return MakeFault({.kind = FaultKind::kInvalid, .next = "register a lower-case scheme"},
                     fmt::format("no URI would lead to an adapter for '{}'", scheme));
  }
  if (factories_.try_emplace(std::string(scheme), std::move(factory)).second) {
    return absl::OkStatus();
  }
  return MakeFault({.kind = FaultKind::kExists, .next = "register each scheme once"},
                   fmt::format("the scheme '{}' is registered already", scheme));
}

absl::StatusOr<std::unique_ptr<StateAdapter>> AdapterRegistry::Open(
    std::string_view uri, const AdapterEnvironment& environment, const Context& context) const {
  DR_ASSIGN_OR_RETURN(Uri parsed, ParseUri(uri, environment.variables));
  auto factory = factories_.find(parsed.scheme);
  if (factory != factories_.end()) {
    return WithinMemory([&]() -> absl::StatusOr<std::unique_ptr<StateAdapter>> {
      DR_ASSIGN_OR_RETURN(std::unique_ptr<StateAdapter> store,
                          factory->second(parsed, environment, context));
      return WithBorder(std::move(store));
    });
  }
  const std::string known =
      factories_.empty() ? "none" : fmt::format("{}", fmt::join(Schemes(), ", "));
  // Which of its parameters are secrets is not known.
  return MakeFault({.kind = FaultKind::kUnsupported,
                    .place = fmt::format("{}://{}", parsed.scheme, parsed.host),
                    .next = "link the adapter and register it"},
                   fmt::format("no adapter for the scheme '{}'; known: {}", parsed.scheme, known));
}

std::vector<std::string> AdapterRegistry::Schemes() const {
  std::vector<std::string> schemes;
  for (const auto& [scheme, unused] : factories_) schemes.push_back(scheme);
  return schemes;
}

}  // namespace dr::inline v0
