// A store that passes calls on to another one, except where a derived class changes them.
//
//   class Counting final : public dr::ForwardingStore {
//    public:
//     using ForwardingStore::ForwardingStore;
//     absl::StatusOr<dr::Item> Get(std::string_view key, const dr::Context& context) override {
//       ++gets;
//       return inner().Get(key, context);
//     }
//     std::atomic<int> gets = 0;
//   };
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dr/adapter/state_adapter.h"

namespace dr::inline v0 {

/// Passes every call on, batches as batches. A class that changes single calls, and wants batches
/// to be made of them, calls StateAdapter::GetMany, StateAdapter::PutMany and
/// StateAdapter::DeleteMany in its own. As thread-safe as the other store.
class DR_EXPORT ForwardingStore : public StateAdapter {
 public:
  /// `inner` outlives it.
  explicit ForwardingStore(StateAdapter& inner) : inner_(inner) {}
  /// Owns `inner`, which is not null.
  explicit ForwardingStore(std::unique_ptr<StateAdapter> inner)
      : owned_(std::move(inner)), inner_(*owned_) {}

  const Capabilities& capabilities() const override { return inner_.capabilities(); }
  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override {
    return inner_.Put(key, value, options, context);
  }
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override {
    return inner_.Get(key, context);
  }
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override {
    return inner_.List(prefix, after, context);
  }
  absl::Status Delete(std::string_view key, const DeleteOptions& options,
                      const Context& context) override {
    return inner_.Delete(key, options, context);
  }
  absl::Status Check(const Context& context) override { return inner_.Check(context); }
  std::vector<absl::StatusOr<Item>> GetMany(std::span<const std::string_view> keys,
                                            const Context& context) override {
    return inner_.GetMany(keys, context);
  }
  absl::Status PutMany(std::span<const KeyValue> items, const Context& context) override {
    return inner_.PutMany(items, context);
  }
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override {
    return inner_.DeleteMany(keys, context);
  }

 protected:
  /// What the calls are passed on to.
  StateAdapter& inner() const { return inner_; }

 private:
  const std::unique_ptr<StateAdapter> owned_;
  StateAdapter& inner_;
};

}  // namespace dr::inline v0
