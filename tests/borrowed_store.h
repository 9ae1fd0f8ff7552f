// A store of another owner.
#pragma once

#include <span>
#include <string_view>

#include "dr/state_adapter.h"

namespace dr::test {

/// Passes all calls on to a store that outlives it.
class BorrowedStore : public StateAdapter {
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
  absl::Status PutMany(std::span<const KeyValue> items, const Context& context) override {
    return store_.PutMany(items, context);
  }

 protected:
  StateAdapter& store_;

 private:
  const Capabilities can_;
};

}  // namespace dr::test
