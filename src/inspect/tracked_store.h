// Another's store that is left as it was found: what was put is remembered, to be deleted again.
#pragma once

#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "dr/adapter/forwarding_store.h"
#include "dr/mutex.h"

namespace dr::inline v0 {

/// Keys that may hold something. Thread-safe.
class Footprint {
 public:
  void Add(std::string_view key) {
    MutexLock lock(mutex_);
    keys_.emplace(key);
  }
  std::size_t size() const {
    MutexLock lock(mutex_);
    return keys_.size();
  }
  /// Takes them away.
  std::set<std::string> Take() {
    MutexLock lock(mutex_);
    return std::exchange(keys_, {});
  }

 private:
  mutable Mutex mutex_;
  std::set<std::string> keys_ ABSL_GUARDED_BY(mutex_);
};

/// The other store, but for the footprint. Deleting leaves one too: some stores keep a mark.
class TrackedStore final : public ForwardingStore {
 public:
  /// The footprint outlives it.
  TrackedStore(std::unique_ptr<StateAdapter> store, Footprint& footprint)
      : ForwardingStore(std::move(store)), footprint_(footprint) {}

  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override {
    footprint_.Add(key);
    return inner().Put(key, value, options, context);
  }
  absl::Status Delete(std::string_view key, const DeleteOptions& options,
                      const Context& context) override {
    footprint_.Add(key);
    return inner().Delete(key, options, context);
  }
  absl::Status PutMany(std::span<const KeyValue> items, const Context& context) override {
    for (const KeyValue& item : items) footprint_.Add(item.key);
    return inner().PutMany(items, context);
  }
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override {
    for (const std::string& key : keys) footprint_.Add(key);
    return inner().DeleteMany(keys, context);
  }

  /// Deletes all that is in the footprint; what could not be stays in it. The first error.
  absl::Status RemoveAll(const Context& context) {
    absl::Status first = absl::OkStatus();
    for (const std::string& key : footprint_.Take()) {
      // Keys that no store takes were tried too.
      const absl::Status removed = inner().Delete(key, {}, context);
      if (removed.ok() || absl::IsInvalidArgument(removed)) continue;
      footprint_.Add(key);
      first.Update(removed);
    }
    return first;
  }

 private:
  Footprint& footprint_;
};

}  // namespace dr::inline v0
