// An open database with its namespaces, shared by the stores in it.
#pragma once

#include <rocksdb/db.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "adapters/rocksdb/key_locks.h"
#include "adapters/rocksdb/rocksdb_health.h"
#include "dr/file_system.h"
#include "dr/mutex.h"

namespace dr::inline v0 {

/// What opening does about a log that ends within a record, as a kill or a power cut may leave it.
enum class TornTail : std::uint8_t {
  kRefuse,  ///< kDataLoss: it cannot be told from the loss of an acknowledged write
  kCut,     ///< the rest of the record is dropped
};

/// Thread-safe.
class RocksDbDatabase {
 public:
  /// Made if it is missing. A log without CURRENT, which says what belongs to it, is kDataLoss.
  static absl::StatusOr<std::shared_ptr<RocksDbDatabase>> Open(std::unique_ptr<Directory> directory,
                                                               const std::string& path,
                                                               TornTail torn_tail);
  ~RocksDbDatabase();
  RocksDbDatabase(const RocksDbDatabase&) = delete;
  RocksDbDatabase& operator=(const RocksDbDatabase&) = delete;

  /// The column family of this name, made if it is missing; lives as long as this.
  absl::StatusOr<::rocksdb::ColumnFamilyHandle*> Namespace(const std::string& name);
  ::rocksdb::DB& db() { return *db_; }
  const std::string& path() const { return path_; }
  Directory& directory() { return *directory_; }
  RocksDbHealth& health() { return *health_; }
  KeyLocks& locks() { return locks_; }

 private:
  RocksDbDatabase(std::unique_ptr<Directory> directory, const std::string& path);

  const std::unique_ptr<Directory> directory_;
  const std::string path_;
  const std::shared_ptr<RocksDbHealth> health_;
  std::unique_ptr<::rocksdb::DB> db_;
  KeyLocks locks_;
  Mutex mutex_;
  std::map<std::string, ::rocksdb::ColumnFamilyHandle*> namespaces_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
