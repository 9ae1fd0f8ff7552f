#include <algorithm>

#include "bench/peers/rocksdb.h"
#include "bench/rate.h"
#include "dr/status_macros.h"

namespace bench {
namespace {

// Rates do not depend on the length, and a memtable of 1 GiB would only take time.
constexpr std::uint64_t kReplayRecordsMax = 1'000'000;

absl::StatusOr<Round> PrepareUpdatesSince(const std::string& directory, std::uint64_t records,
                                          std::size_t bytes) {
  records = std::min(records, kReplayRecordsMax);
  DR_ASSIGN_OR_RETURN(std::shared_ptr<::rocksdb::DB> db, OpenRocksDb(RocksDbOptions(), directory));
  DR_RETURN_IF_ERROR(FillRocksDb(*db, records, bytes));
  DR_RETURN_IF_ERROR(FromRocksDb(db->FlushWAL(true), "flush"));
  return [db, records]() -> absl::StatusOr<Measurement> {
    struct Count final : ::rocksdb::WriteBatch::Handler {
      std::uint64_t records = 0, bytes = 0;
      ::rocksdb::Status PutCF(std::uint32_t, const ::rocksdb::Slice&,
                              const ::rocksdb::Slice& value) override {
        ++records;
        bytes += value.size();
        return ::rocksdb::Status::OK();
      }
    } count;
    const double begin = Seconds();
    std::unique_ptr<::rocksdb::TransactionLogIterator> updates;
    DR_RETURN_IF_ERROR(FromRocksDb(db->GetUpdatesSince(1, &updates), "updates"));
    for (; updates->Valid(); updates->Next()) {
      DR_RETURN_IF_ERROR(FromRocksDb(updates->GetBatch().writeBatchPtr->Iterate(&count), "read"));
    }
    if (count.records != records) return absl::InternalError("not all records were read");
    return Measurement{static_cast<double>(records) / (Seconds() - begin)};
  };
}

absl::StatusOr<Round> PrepareReopen(const std::string& directory, std::uint64_t records,
                                    std::size_t bytes, bool as_rate) {
  {
    DR_ASSIGN_OR_RETURN(std::unique_ptr<::rocksdb::DB> db,
                        OpenRocksDb(RocksDbOptions(), directory));
    DR_RETURN_IF_ERROR(FillRocksDb(*db, records, bytes));
  }
  return [directory, records, as_rate]() -> absl::StatusOr<Measurement> {
    const double begin = Seconds();
    DR_ASSIGN_OR_RETURN(std::unique_ptr<::rocksdb::DB> db,
                        OpenRocksDb(RocksDbOptions(), directory));
    const std::uint64_t last = records - 1;
    std::string value;
    DR_RETURN_IF_ERROR(FromRocksDb(
        db->Get({}, {reinterpret_cast<const char*>(&last), sizeof(last)}, &value), "get"));
    const double elapsed = Seconds() - begin;
    return Measurement{as_rate ? static_cast<double>(records) / elapsed : elapsed};
  };
}

}  // namespace

std::vector<PreparedPeer> RocksDbReplays() {
  return {{"RocksDB updates", "GetUpdatesSince, 10^6 records", PrepareUpdatesSince},
          {"RocksDB reopen", "the log is replayed into the memtable at open, 10^6 records",
           [](const std::string& directory, std::uint64_t records, std::size_t bytes) {
             return PrepareReopen(directory, std::min(records, kReplayRecordsMax), bytes, true);
           }}};
}

std::vector<PreparedPeer> RocksDbRecoveries() {
  return {{"RocksDB", "the log is replayed into the memtable at open",
           [](const std::string& directory, std::uint64_t records, std::size_t bytes) {
             return PrepareReopen(directory, records, bytes, false);
           }}};
}

}  // namespace bench
