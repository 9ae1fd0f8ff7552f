#include "adapters/rocksdb/database.h"

#include <rocksdb/env.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "adapters/rocksdb/error.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

using ::rocksdb::WALRecoveryMode;
using Families = std::vector<::rocksdb::ColumnFamilyDescriptor>;

::rocksdb::Options DatabaseOptions(WALRecoveryMode mode) {
  ::rocksdb::Options options;
  options.create_if_missing = true;
  options.wal_recovery_mode = mode;
  options.paranoid_checks = true;
  options.compression =
      ::rocksdb::kNoCompression;  // core has compressed, or sealed, what it stores
  options.max_open_files = 256;
  options.info_log_level = ::rocksdb::WARN_LEVEL;
  options.keep_log_file_num = 4;
  options.max_log_file_size = 1 << 20;
  return options;
}

Families FamiliesOf(const std::vector<std::string>& names, const ::rocksdb::Options& options) {
  Families families;
  for (const std::string& name : names) families.emplace_back(name, options);
  return families;
}

absl::Status FromOpening(const ::rocksdb::Status& status, const std::string& path) {
  if (!status.IsCorruption()) return ErrorOf(status, path);
  return MakeFault({.kind = FaultKind::kWalCorrupt,
                    .place = path,
                    .next = "restore the directory from a copy, or see README.md of dr::rocksdb"},
                   status.ToString());
}

absl::Status Lost(const std::string& path, std::uint64_t found, std::uint64_t acknowledged) {
  return MakeFault(
      {.kind = FaultKind::kRollback,
       .place = path,
       .next = "restore the directory from a copy, or open it once with torn_tail=cut and put "
               "again what it must have"},
      fmt::format(
          "RocksDB has {} of the {} changes that it acknowledged: its log has lost the rest", found,
          acknowledged));
}

// RocksDB's own lock on a directory.
class FileLock {
 public:
  static absl::StatusOr<FileLock> Take(const std::string& path) {
    ::rocksdb::FileLock* lock = nullptr;
    DR_RETURN_IF_ERROR(ErrorOf(::rocksdb::Env::Default()->LockFile(path + "/LOCK", &lock), path));
    return FileLock(lock);
  }
  FileLock(FileLock&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock() {
    if (lock_ != nullptr) ::rocksdb::Env::Default()->UnlockFile(lock_).PermitUncheckedError();
  }

 private:
  explicit FileLock(::rocksdb::FileLock* lock) : lock_(lock) {}
  ::rocksdb::FileLock* lock_;
};

}  // namespace

RocksDbDatabase::RocksDbDatabase(std::unique_ptr<Directory> directory, const std::string& path)
    : directory_(std::move(directory)),
      path_(path),
      health_(std::make_shared<RocksDbHealth>(path)) {}

absl::StatusOr<std::shared_ptr<RocksDbDatabase>> RocksDbDatabase::Open(
    std::unique_ptr<Directory> directory, const std::string& path, TornTail torn_tail) {
  std::shared_ptr<RocksDbDatabase> database(new RocksDbDatabase(std::move(directory), path));
  DR_ASSIGN_OR_RETURN(database->mark_, RocksDbMark::Open(*database->directory_));
  std::vector<std::string> names = {::rocksdb::kDefaultColumnFamilyName};
  DR_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, database->directory_->List());
  if (std::ranges::find(entries, "CURRENT", &DirectoryEntry::name) != entries.end()) {
    DR_RETURN_IF_ERROR(FromOpening(::rocksdb::DB::ListColumnFamilies({}, path, &names), path));
    if (torn_tail == TornTail::kRefuse) DR_RETURN_IF_ERROR(database->Look(names));
  } else if (database->mark_->acknowledged().value_or(0) > 0) {
    return MakeFault({.kind = FaultKind::kIncomplete,
                      .place = path,
                      .next = "restore the directory from a copy"},
                     "RocksDB's file CURRENT is missing, without which nothing can be read");
  }
  DR_RETURN_IF_ERROR(database->OpenAll(names, torn_tail));
  return database;
}

// Opening for writing puts what the log has into tables and deletes it, with all that lies behind a
// place which cannot be read. So it is read before, with nothing changed.
absl::Status RocksDbDatabase::Look(const std::vector<std::string>& names) const {
  const std::optional<std::uint64_t>& acknowledged = mark_->acknowledged();
  if (!acknowledged) return absl::OkStatus();
  DR_ASSIGN_OR_RETURN(const FileLock lock, FileLock::Take(path_));
  const ::rocksdb::Options options = DatabaseOptions(WALRecoveryMode::kPointInTimeRecovery);
  std::vector<::rocksdb::ColumnFamilyHandle*> handles;
  ::rocksdb::DB* opened = nullptr;
  const ::rocksdb::Status status =
      ::rocksdb::DB::OpenForReadOnly(options, path_, FamiliesOf(names, options), &handles, &opened);
  DR_RETURN_IF_ERROR(FromOpening(status, path_));
  const std::unique_ptr<::rocksdb::DB> db(opened);
  for (::rocksdb::ColumnFamilyHandle* handle : handles) {
    db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  const std::uint64_t found = db->GetLatestSequenceNumber();
  return found < *acknowledged ? Lost(path_, found, *acknowledged) : absl::OkStatus();
}

absl::Status RocksDbDatabase::OpenAll(const std::vector<std::string>& names, TornTail torn_tail) {
  // Where nothing tells how much there must be, every doubt counts.
  const WALRecoveryMode mode = torn_tail == TornTail::kCut
                                   ? WALRecoveryMode::kTolerateCorruptedTailRecords
                               : mark_->acknowledged() ? WALRecoveryMode::kPointInTimeRecovery
                                                       : WALRecoveryMode::kAbsoluteConsistency;
  ::rocksdb::Options options = DatabaseOptions(mode);
  options.listeners.push_back(health_);
  std::vector<::rocksdb::ColumnFamilyHandle*> handles;
  ::rocksdb::DB* db = nullptr;
  DR_RETURN_IF_ERROR(FromOpening(
      ::rocksdb::DB::Open(options, path_, FamiliesOf(names, options), &handles, &db), path_));
  db_.reset(db);
  for (::rocksdb::ColumnFamilyHandle* handle : handles) namespaces_[handle->GetName()] = handle;
  const std::uint64_t found = db_->GetLatestSequenceNumber();
  if (torn_tail == TornTail::kCut) return mark_->Reset(found);
  return mark_->Set(0, found);
}

RocksDbDatabase::~RocksDbDatabase() {
  for (const auto& [name, handle] : namespaces_) {
    if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
}

absl::StatusOr<::rocksdb::ColumnFamilyHandle*> RocksDbDatabase::Namespace(const std::string& name,
                                                                          const Context& context,
                                                                          const Clock& clock) {
  DR_ASSIGN_OR_RETURN(const Permits::Permit permit,
                      naming_.Take(context, clock, "the namespaces of the database"));
  ::rocksdb::ColumnFamilyHandle*& handle = namespaces_[name];
  if (handle == nullptr) {
    DR_RETURN_IF_ERROR(
        ErrorOf(db_->CreateColumnFamily(DatabaseOptions(WALRecoveryMode::kAbsoluteConsistency),
                                        name, &handle),
                path_));
  }
  return handle;
}

}  // namespace dr::inline v0
