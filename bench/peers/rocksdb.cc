#include "bench/peers/rocksdb.h"

#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <atomic>
#include <filesystem>

#include "bench/rate.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace bench {

absl::Status FromRocksDb(const ::rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return absl::OkStatus();
  return absl::UnavailableError(fmt::format("{}: {}", what, status.ToString()));
}

// Memory for a whole run, so that no flush disturbs it.
::rocksdb::Options RocksDbOptions() {
  ::rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = std::size_t{4} << 30;
  options.avoid_flush_during_shutdown = true;
  options.avoid_flush_during_recovery = true;
  options.compression = ::rocksdb::kNoCompression;
  options.info_log_level = ::rocksdb::WARN_LEVEL;
  return options;
}

absl::StatusOr<std::unique_ptr<::rocksdb::DB>> OpenRocksDb(const ::rocksdb::Options& options,
                                                           const std::string& directory) {
  ::rocksdb::DB* db = nullptr;
  DR_RETURN_IF_ERROR(FromRocksDb(::rocksdb::DB::Open(options, directory, &db), "open"));
  return std::unique_ptr<::rocksdb::DB>(db);
}

absl::Status FillRocksDb(::rocksdb::DB& db, std::uint64_t records, std::size_t bytes) {
  constexpr std::uint64_t kBatch = 100;
  const std::string value(bytes, 'x');
  for (std::uint64_t key = 0; key < records;) {
    ::rocksdb::WriteBatch batch;
    for (const std::uint64_t end = key + kBatch; key < end; ++key) {
      batch.Put({reinterpret_cast<const char*>(&key), sizeof(key)}, value);
    }
    DR_RETURN_IF_ERROR(FromRocksDb(db.Write({}, &batch), "write"));
  }
  return absl::OkStatus();
}

namespace {

enum class Write { kSync, kBuffered, kLogOnly };

class RocksDbLog final : public LogStore {
 public:
  RocksDbLog(std::unique_ptr<::rocksdb::DB> db, Write write) : db_(std::move(db)), write_(write) {
    options_.sync = write == Write::kSync;
  }

  absl::Status Append(int, std::span<const std::string_view> records) override {
    ::rocksdb::WriteBatch batch;
    std::uint64_t key = next_.fetch_add(records.size(), std::memory_order_relaxed);
    for (std::string_view record : records) {
      const ::rocksdb::Slice value(record.data(), record.size());
      if (write_ == Write::kLogOnly) {
        batch.PutLogData(value);
      } else {
        batch.Put({reinterpret_cast<const char*>(&key), sizeof(key)}, value);
      }
      ++key;
    }
    return FromRocksDb(db_->Write(options_, &batch), "write");
  }

 private:
  std::unique_ptr<::rocksdb::DB> db_;
  const Write write_;
  ::rocksdb::WriteOptions options_;
  std::atomic<std::uint64_t> next_ = 0;
};

// Log files are recycled; to have some, a few are filled and given up before the run.
absl::Status FillLogFiles(::rocksdb::DB& db) {
  for (int i = 0; i < 3; ++i) {
    DR_RETURN_IF_ERROR(FillRocksDb(db, 50'000, 1000));
    DR_RETURN_IF_ERROR(FromRocksDb(db.Flush({}), "flush"));
  }
  return absl::OkStatus();
}

LogPeer SyncedLog(const std::string& name, std::string_view settings, bool unordered,
                  bool recycle) {
  return {name, std::string(settings),
          [=](const std::string& directory, int) -> absl::StatusOr<std::unique_ptr<LogStore>> {
            ::rocksdb::Options options = RocksDbOptions();
            options.unordered_write = unordered;
            if (recycle) options.recycle_log_file_num = 2;
            DR_ASSIGN_OR_RETURN(std::unique_ptr<::rocksdb::DB> db, OpenRocksDb(options, directory));
            if (recycle) DR_RETURN_IF_ERROR(FillLogFiles(*db));
            return std::make_unique<RocksDbLog>(std::move(db), Write::kSync);
          }};
}

LogPeer BufferedLog(const std::string& name, std::string_view settings, Write write, int batch) {
  return {name, std::string(settings),
          [=](const std::string& directory, int) -> absl::StatusOr<std::unique_ptr<LogStore>> {
            ::rocksdb::Options options = RocksDbOptions();
            options.manual_wal_flush = true;
            DR_ASSIGN_OR_RETURN(std::unique_ptr<::rocksdb::DB> db, OpenRocksDb(options, directory));
            return std::make_unique<RocksDbLog>(std::move(db), write);
          },
          batch};
}

class RocksDbState final : public StateStore {
 public:
  RocksDbState(std::unique_ptr<::rocksdb::DB> db, std::string directory)
      : directory_(std::move(directory)), db_(std::move(db)) {}

  absl::Status Put(std::uint64_t key, std::string_view value) override {
    return FromRocksDb(db_->Put({}, {reinterpret_cast<const char*>(&key), sizeof(key)},
                                {value.data(), value.size()}),
                       "put");
  }
  absl::Status Checkpoint() override {
    ::rocksdb::Checkpoint* checkpoint = nullptr;
    DR_RETURN_IF_ERROR(
        FromRocksDb(::rocksdb::Checkpoint::Create(db_.get(), &checkpoint), "create"));
    const std::unique_ptr<::rocksdb::Checkpoint> owned(checkpoint);
    const std::string to = directory_ + "/checkpoint";
    std::filesystem::remove_all(to);
    return FromRocksDb(owned->CreateCheckpoint(to), "checkpoint");
  }

 private:
  std::string directory_;
  std::unique_ptr<::rocksdb::DB> db_;
};

absl::StatusOr<std::unique_ptr<StateStore>> OpenState(const std::string& directory) {
  ::rocksdb::Options options = RocksDbOptions();
  options.write_buffer_size = 64 << 20;
  DR_ASSIGN_OR_RETURN(std::unique_ptr<::rocksdb::DB> db, OpenRocksDb(options, directory + "/db"));
  return std::make_unique<RocksDbState>(std::move(db), directory);
}

}  // namespace

void AddRocksDb(Peers& peers) {
  peers.logs.push_back(SyncedLog("RocksDB", "sync", false, false));
  peers.logs.push_back(SyncedLog("RocksDB recycled", "sync, recycle_log_file_num=2", false, true));
  peers.logs.push_back(SyncedLog("RocksDB unordered", "sync, unordered_write", true, false));
  peers.logs.push_back(SyncedLog("RocksDB unordered recycled",
                                 "sync, unordered_write, recycle_log_file_num=2", true, true));
  peers.states.push_back({"RocksDB", "Checkpoint (flush and hard links)", OpenState});
  std::ranges::move(RocksDbReplays(), std::back_inserter(peers.replays));
  std::ranges::move(RocksDbRecoveries(), std::back_inserter(peers.recoveries));
  peers.buffered.push_back(BufferedLog("RocksDB log-only",
                                       "manual_wal_flush, batches of 100 without a memtable",
                                       Write::kLogOnly, 100));
  peers.buffered.push_back(
      BufferedLog("RocksDB calls", "manual_wal_flush, one put a call", Write::kBuffered, 1));
}

}  // namespace bench
