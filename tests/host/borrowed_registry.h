// A store that several hosts of a test open by one URI.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "dr/adapter/adapter_registry.h"
#include "dr/adapter/state_adapter.h"
#include "tests/support/borrowed_store.h"

namespace dr::test {

inline constexpr const char* kBorrowed = "borrowed:///store";

/// A registry with `store` under kBorrowed, declaring `can`.
inline AdapterRegistry Borrowed(StateAdapter& store, Capabilities can) {
  AdapterRegistry registry;
  static_cast<void>(registry.Register(
      "borrowed",
      [&store, can](const Uri&, const AdapterEnvironment&,
                    const Context&) -> absl::StatusOr<std::unique_ptr<StateAdapter>> {
        return std::make_unique<BorrowedStore>(store, can);
      }));
  return registry;
}
inline AdapterRegistry Borrowed(StateAdapter& store) {
  return Borrowed(store, store.capabilities());
}

}  // namespace dr::test
