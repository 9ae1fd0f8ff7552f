// Stores of another owner, for tests that change some of their calls.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dr/adapter/forwarding_store.h"

namespace dr::test {

/// Declares what the test says. Many values are loaded one by one.
class BorrowedStore : public ForwardingStore {
 public:
  BorrowedStore(StateAdapter& store, Capabilities can)
      : ForwardingStore(store), can_(std::move(can)) {}
  const Capabilities& capabilities() const override { return can_; }
  std::vector<absl::StatusOr<Item>> GetMany(std::span<const std::string_view> keys,
                                            const Context& context) override {
    return StateAdapter::GetMany(keys, context);
  }

 private:
  const Capabilities can_;
};

/// Batches are made of single calls, so that a test need change only those.
class SingleCalls : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  std::vector<absl::StatusOr<Item>> GetMany(std::span<const std::string_view> keys,
                                            const Context& context) override {
    return StateAdapter::GetMany(keys, context);
  }
  absl::Status PutMany(std::span<const KeyValue> items, const Context& context) override {
    return StateAdapter::PutMany(items, context);
  }
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override {
    return StateAdapter::DeleteMany(keys, context);
  }
};

}  // namespace dr::test
