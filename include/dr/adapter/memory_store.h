// Values in memory: for tests, and for hosts that keep nothing.
#pragma once

#include <map>
#include <string>

#include "dr/adapter/state_adapter.h"
#include "dr/clock.h"
#include "dr/mutex.h"

namespace dr::inline v0 {

/// As strict as other stores, but its values are gone with the object. Not durable, and atomic
/// within the process only. Values expire by the given clock.
class DR_EXPORT MemoryStore final : public StateAdapter {
 public:
  /// Values expire by the machine's clock.
  explicit MemoryStore(std::uint64_t max_value_bytes = 64 << 20);
  /// The clock outlives the store.
  MemoryStore(std::uint64_t max_value_bytes, const Clock& clock);

  const Capabilities& capabilities() const override { return capabilities_; }
  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override;
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override;
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override;
  absl::Status Delete(std::string_view key, const DeleteOptions& options,
                      const Context& context) override;
  absl::Status Check(const Context& context) override;
  /// All or none of them.
  absl::Status PutMany(std::span<const KeyValue> items, const Context& context) override;
  /// Likewise.
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override;

 private:
  struct Kept {
    Item item;
    Instant expires = {};  ///< default: never
  };
  using Items = std::map<std::string, Kept, std::less<>>;

  Items::iterator Find(std::string_view key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Version Keep(std::string_view key, std::string_view value, Instant expires)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const SystemClock system_clock_;
  const Clock& clock_;
  Capabilities capabilities_;
  Mutex mutex_;
  Items items_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t next_version_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace dr::inline v0
