// Peers at equal durability: each append is synced when it returns.

#include <rocksdb/db.h>
#include <sqlite3.h>

#include <atomic>
#include <mutex>

#include "bench/writer.h"

namespace bench {
namespace {

class RocksWriter final : public Writer {
 public:
  RocksWriter(const std::string& directory, bool unordered) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.unordered_write = unordered;
    rocksdb::DB* db = nullptr;
    if (rocksdb::DB::Open(options, directory + "/rocksdb", &db).ok()) db_.reset(db);
    synced_.sync = true;
  }
  bool Append(std::string_view record) override {
    const std::uint64_t key = next_++;
    return db_ != nullptr &&
           db_->Put(synced_, rocksdb::Slice(reinterpret_cast<const char*>(&key), sizeof(key)),
                    rocksdb::Slice(record.data(), record.size()))
               .ok();
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::WriteOptions synced_;
  std::atomic<std::uint64_t> next_ = 0;
};

class SqliteWriter final : public Writer {
 public:
  explicit SqliteWriter(const std::string& directory) {
    if (sqlite3_open((directory + "/sqlite").c_str(), &db_) != SQLITE_OK) return;
    constexpr const char* kSetUp =
        "pragma journal_mode=wal; pragma synchronous=full;"
        "create table log (lsn integer primary key, payload blob)";
    ready_ = sqlite3_exec(db_, kSetUp, nullptr, nullptr, nullptr) == SQLITE_OK &&
             sqlite3_prepare_v2(db_, "insert into log (payload) values (?)", -1, &insert_,
                                nullptr) == SQLITE_OK;
  }
  ~SqliteWriter() override {
    sqlite3_finalize(insert_);
    sqlite3_close(db_);
  }
  bool Append(std::string_view record) override {
    std::lock_guard lock(mutex_);  // one writer at a time, as in the library itself
    if (!ready_) return false;
    sqlite3_bind_blob(insert_, 1, record.data(), static_cast<int>(record.size()), SQLITE_STATIC);
    const bool ok = sqlite3_step(insert_) == SQLITE_DONE;
    return sqlite3_reset(insert_) == SQLITE_OK && ok;
  }

 private:
  std::mutex mutex_;
  sqlite3* db_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  bool ready_ = false;
};

}  // namespace

std::vector<Contender> Peers() {
  return {{"rocksdb", "Put with sync, otherwise defaults",
           [](const std::string& d) { return std::make_unique<RocksWriter>(d, false); }},
          {"rocksdb-unordered", "Put with sync, unordered_write",
           [](const std::string& d) { return std::make_unique<RocksWriter>(d, true); }},
          {"sqlite", "WAL, synchronous=FULL, one transaction per insert",
           [](const std::string& d) { return std::make_unique<SqliteWriter>(d); }}};
}

}  // namespace bench
