// One namespace of a RocksDB database as a store.
#pragma once

#include <memory>

#include "adapters/rocksdb/database.h"
#include "dr/adapter/state_adapter.h"
#include "dr/clock.h"
#include "dr/environment/random.h"

namespace dr::inline v0 {

class RocksDbStore final : public StateAdapter {
 public:
  /// Random and clock outlive the store.
  static absl::StatusOr<std::unique_ptr<RocksDbStore>> Open(
      std::shared_ptr<RocksDbDatabase> database, const std::string& name, Random& random,
      const Clock& clock, const Context& context);

  const Capabilities& capabilities() const override { return capabilities_; }
  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override;
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override;
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override;
  absl::Status Delete(std::string_view key, const DeleteOptions& options,
                      const Context& context) override;
  absl::Status Check(const Context& context) override;
  std::vector<absl::StatusOr<Item>> GetMany(std::span<const std::string_view> keys,
                                            const Context& context) override;
  absl::Status PutMany(std::span<const KeyValue> items, const Context& context) override;
  absl::Status DeleteMany(std::span<const std::string> keys, const Context& context) override;

 private:
  RocksDbStore(std::shared_ptr<RocksDbDatabase> database, ::rocksdb::ColumnFamilyHandle* family,
               const VolumeInfo& volume, Random& random, const Clock& clock);
  absl::Status AwaitWritable(std::uint64_t bytes, const Context& context);
  absl::StatusOr<std::optional<Version>> VersionNow(std::string_view key);
  absl::StatusOr<Version> Add(std::string_view key, std::string_view value,
                              ::rocksdb::WriteBatch& batch);
  absl::Status Write(std::string_view key, ::rocksdb::WriteBatch& batch, int slot);

  const std::shared_ptr<RocksDbDatabase> database_;
  ::rocksdb::ColumnFamilyHandle* const family_;
  Random& random_;
  const Clock& clock_;
  Capabilities capabilities_;
};

}  // namespace dr::inline v0
