#include "bench/peers/rocksdb.h"
#include "bench/peers/thin_client.h"
#include "dr/status_macros.h"

namespace bench {
namespace {

::rocksdb::Slice SliceOf(std::string_view s) { return {s.data(), s.size()}; }

class RocksDb final : public ThinClient {
 public:
  RocksDb(std::unique_ptr<::rocksdb::DB> db, ::rocksdb::ColumnFamilyHandle* family)
      : db_(std::move(db)), family_(family) {
    synced_.sync = true;
  }
  ~RocksDb() override { db_->DestroyColumnFamilyHandle(family_).PermitUncheckedError(); }

  absl::Status Put(std::string_view key, std::string_view value) override {
    return FromRocksDb(db_->Put(synced_, family_, SliceOf(key), SliceOf(value)), "put");
  }
  absl::StatusOr<std::string> Get(std::string_view key) override {
    std::string value;
    DR_RETURN_IF_ERROR(FromRocksDb(db_->Get({}, family_, SliceOf(key), &value), "get"));
    return value;
  }
  absl::StatusOr<std::vector<dr::ListEntry>> List(std::string_view prefix) override {
    const std::unique_ptr<::rocksdb::Iterator> it(db_->NewIterator({}, family_));
    std::vector<dr::ListEntry> entries;
    for (it->Seek(SliceOf(prefix)); it->Valid() && it->key().starts_with(SliceOf(prefix)) &&
                                    entries.size() < dr::kMaxPageEntries;
         it->Next()) {
      entries.push_back({it->key().ToString(), it->value().size()});
    }
    DR_RETURN_IF_ERROR(FromRocksDb(it->status(), "list"));
    return entries;
  }
  absl::Status PutMany(std::span<const dr::KeyValue> items) override {
    ::rocksdb::WriteBatch batch;
    for (const dr::KeyValue& item : items) {
      DR_RETURN_IF_ERROR(
          FromRocksDb(batch.Put(family_, SliceOf(item.key), SliceOf(item.value)), "batch"));
    }
    return FromRocksDb(db_->Write(synced_, &batch), "write");
  }
  absl::StatusOr<std::vector<std::string>> GetMany(
      std::span<const std::string_view> keys) override {
    std::vector<::rocksdb::Slice> wanted;
    for (std::string_view key : keys) wanted.push_back(SliceOf(key));
    std::vector<std::string> values(keys.size());
    for (const ::rocksdb::Status& status :
         db_->MultiGet({}, std::vector(wanted.size(), family_), wanted, &values)) {
      DR_RETURN_IF_ERROR(FromRocksDb(status, "multiget"));
    }
    return values;
  }

 private:
  std::unique_ptr<::rocksdb::DB> db_;
  ::rocksdb::ColumnFamilyHandle* family_;
  ::rocksdb::WriteOptions synced_;
};

}  // namespace

ThinPeer ThinRocksDb() {
  return {"rocksdb", "librocksdb",
          "default options, no compression, a column family, sync; WriteBatch and MultiGet for a "
          "batch; no header, no hash, no look at the free space",
          [](const std::string& directory) -> absl::StatusOr<std::unique_ptr<ThinClient>> {
            ::rocksdb::Options options;
            options.create_if_missing = true;
            options.compression = ::rocksdb::kNoCompression;
            DR_ASSIGN_OR_RETURN(std::unique_ptr<::rocksdb::DB> db, OpenRocksDb(options, directory));
            ::rocksdb::ColumnFamilyHandle* family = nullptr;
            DR_RETURN_IF_ERROR(
                FromRocksDb(db->CreateColumnFamily(options, "bench", &family), "family"));
            return std::make_unique<RocksDb>(std::move(db), family);
          }};
}

}  // namespace bench
