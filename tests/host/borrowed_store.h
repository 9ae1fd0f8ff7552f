// A store that several hosts of a test open by one URI.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "dr/adapter_registry.h"
#include "dr/state_adapter.h"

namespace dr::test {

/// Passes all calls on to a store that outlives it.
class BorrowedStore final : public StateAdapter {
 public:
  BorrowedStore(StateAdapter& store, Capabilities can) : store_(store), can_(can) {}
  const Capabilities& capabilities() const override { return can_; }
  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override {
    return store_.Put(key, value, options, context);
  }
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override {
    return store_.Get(key, context);
  }
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override {
    return store_.List(prefix, after, context);
  }
  absl::Status Delete(std::string_view key, const DeleteOptions& options,
                      const Context& context) override {
    return store_.Delete(key, options, context);
  }
  absl::Status Check(const Context& context) override { return store_.Check(context); }

 private:
  StateAdapter& store_;
  const Capabilities can_;
};

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
