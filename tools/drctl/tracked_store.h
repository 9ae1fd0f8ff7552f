// A store of somebody else's that is left as it was found: what was put is remembered, to be
// deleted again.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dr/mutex.h"
#include "dr/state_adapter.h"

namespace drctl {

/// Keys that may hold something. Thread-safe.
class Footprint {
 public:
  void Add(std::string_view key) {
    dr::MutexLock lock(mutex_);
    keys_.emplace(key);
  }
  std::size_t size() const {
    dr::MutexLock lock(mutex_);
    return keys_.size();
  }
  /// Takes them away.
  std::set<std::string> Take() {
    dr::MutexLock lock(mutex_);
    return std::exchange(keys_, {});
  }

 private:
  mutable dr::Mutex mutex_;
  std::set<std::string> keys_ ABSL_GUARDED_BY(mutex_);
};

/// The other store, but for the footprint. Deleting leaves one too: some stores keep a mark.
class TrackedStore final : public dr::StateAdapter {
 public:
  /// The footprint outlives it.
  TrackedStore(std::unique_ptr<dr::StateAdapter> store, Footprint& footprint)
      : store_(std::move(store)), footprint_(footprint) {}

  const dr::Capabilities& capabilities() const override { return store_->capabilities(); }
  std::vector<std::string> Doubts() const override { return store_->Doubts(); }
  absl::StatusOr<dr::Version> Put(std::string_view key, std::string_view value,
                                  const dr::PutOptions& options,
                                  const dr::Context& context) override {
    footprint_.Add(key);
    return store_->Put(key, value, options, context);
  }
  absl::StatusOr<dr::Item> Get(std::string_view key, const dr::Context& context) override {
    return store_->Get(key, context);
  }
  absl::StatusOr<dr::Page> List(std::string_view prefix, std::string_view after,
                                const dr::Context& context) override {
    return store_->List(prefix, after, context);
  }
  absl::Status Delete(std::string_view key, const dr::DeleteOptions& options,
                      const dr::Context& context) override {
    footprint_.Add(key);
    return store_->Delete(key, options, context);
  }
  absl::Status Check(const dr::Context& context) override { return store_->Check(context); }
  std::vector<absl::StatusOr<dr::Item>> GetMany(std::span<const std::string_view> keys,
                                                const dr::Context& context) override {
    return store_->GetMany(keys, context);
  }
  absl::Status PutMany(std::span<const dr::KeyValue> items, const dr::Context& context) override {
    for (const dr::KeyValue& item : items) footprint_.Add(item.key);
    return store_->PutMany(items, context);
  }

  /// Deletes all that is in the footprint; what could not be stays in it. The first error.
  absl::Status RemoveAll(const dr::Context& context) {
    absl::Status first = absl::OkStatus();
    for (const std::string& key : footprint_.Take()) {
      // Keys that no store takes were tried too.
      const absl::Status removed = store_->Delete(key, {}, context);
      if (removed.ok() || absl::IsInvalidArgument(removed)) continue;
      footprint_.Add(key);
      first.Update(removed);
    }
    return first;
  }

 private:
  const std::unique_ptr<dr::StateAdapter> store_;
  Footprint& footprint_;
};

}  // namespace drctl
