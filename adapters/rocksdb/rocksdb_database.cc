#include "adapters/rocksdb/rocksdb_database.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "adapters/rocksdb/rocksdb_error.h"
#include "dr/status.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {
namespace {

::rocksdb::Options DatabaseOptions(std::shared_ptr<RocksDbHealth> health, TornTail torn_tail) {
  ::rocksdb::Options options;
  options.create_if_missing = true;
  options.wal_recovery_mode = torn_tail == TornTail::kCut
                                  ? ::rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords
                                  : ::rocksdb::WALRecoveryMode::kAbsoluteConsistency;
  options.paranoid_checks = true;
  options.compression =
      ::rocksdb::kNoCompression;  // core has compressed, or sealed, what it stores
  options.max_open_files = 256;
  options.info_log_level = ::rocksdb::WARN_LEVEL;
  options.keep_log_file_num = 4;
  options.max_log_file_size = 1 << 20;
  options.listeners.push_back(std::move(health));
  return options;
}

}  // namespace

RocksDbDatabase::RocksDbDatabase(std::unique_ptr<Directory> directory, const std::string& path)
    : directory_(std::move(directory)),
      path_(path),
      health_(std::make_shared<RocksDbHealth>(path)) {}

absl::StatusOr<std::shared_ptr<RocksDbDatabase>> RocksDbDatabase::Open(
    std::unique_ptr<Directory> directory, const std::string& path, TornTail torn_tail) {
  std::shared_ptr<RocksDbDatabase> database(new RocksDbDatabase(std::move(directory), path));
  const ::rocksdb::Options options = DatabaseOptions(database->health_, torn_tail);
  std::vector<std::string> names = {::rocksdb::kDefaultColumnFamilyName};
  DR_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, database->directory_->List());
  if (std::ranges::find(entries, "CURRENT", &DirectoryEntry::name) != entries.end()) {
    DR_RETURN_IF_ERROR(FromRocksDb(::rocksdb::DB::ListColumnFamilies(options, path, &names), path));
  }
  std::vector<::rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string& name : names) families.emplace_back(name, options);
  std::vector<::rocksdb::ColumnFamilyHandle*> handles;
  ::rocksdb::DB* db = nullptr;
  DR_RETURN_IF_ERROR(
      FromRocksDb(::rocksdb::DB::Open(options, path, families, &handles, &db), path));
  database->db_.reset(db);
  MutexLock lock(database->mutex_);
  for (::rocksdb::ColumnFamilyHandle* handle : handles) {
    database->namespaces_[handle->GetName()] = handle;
  }
  return database;
}

RocksDbDatabase::~RocksDbDatabase() {
  MutexLock lock(mutex_);
  for (const auto& [name, handle] : namespaces_) {
    db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
}

absl::StatusOr<::rocksdb::ColumnFamilyHandle*> RocksDbDatabase::Namespace(const std::string& name) {
  MutexLock lock(mutex_);
  ::rocksdb::ColumnFamilyHandle*& handle = namespaces_[name];
  if (handle == nullptr) {
    const ::rocksdb::Status made =
        db_->CreateColumnFamily(DatabaseOptions(health_, TornTail::kRefuse), name, &handle);
    if (!made.ok()) {
      namespaces_.erase(name);
      return FromRocksDb(made, path_);
    }
  }
  return handle;
}

}  // namespace dr::inline v0
