// An open database with its namespaces, shared by the stores in it.
#pragma once

#include <rocksdb/db.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/rocksdb/health.h"
#include "adapters/rocksdb/key_locks.h"
#include "adapters/rocksdb/mark.h"
#include "adapters/rocksdb/options.h"
#include "dr/adapter/permits.h"
#include "dr/environment/descriptor.h"
#include "dr/environment/file_system.h"

namespace dr::inline v0 {

/// Thread-safe.
class RocksDbDatabase {
 public:
  /// Made if it is missing. What a kill or a power cut left of a write that nobody was told of is
  /// dropped. kDataLoss, with nothing changed, if anything acknowledged is missing, and for a log
  /// without CURRENT, which says what belongs to it.
  static absl::StatusOr<std::shared_ptr<RocksDbDatabase>> Open(std::unique_ptr<Directory> directory,
                                                               const std::string& path,
                                                               TornTail torn_tail);
  ~RocksDbDatabase();
  RocksDbDatabase(const RocksDbDatabase&) = delete;
  RocksDbDatabase& operator=(const RocksDbDatabase&) = delete;

  /// The column family of this name, made if it is missing; lives as long as this.
  absl::StatusOr<::rocksdb::ColumnFamilyHandle*> Namespace(const std::string& name,
                                                           const Context& context,
                                                           const Clock& clock);
  /// What was written so far counts, by whoever holds `slot` of the locks.
  absl::Status Acknowledge(int slot) { return mark_->Set(slot, db_->GetLatestSequenceNumber()); }
  ::rocksdb::DB& db() { return *db_; }
  const std::string& path() const { return path_; }
  Directory& directory() { return *directory_; }
  RocksDbHealth& health() { return *health_; }
  KeyLocks& locks() { return locks_; }

 private:
  RocksDbDatabase(std::unique_ptr<Directory> directory, const std::string& path);
  absl::Status Look(const std::vector<std::string>& names) const;
  absl::Status OpenAll(const std::vector<std::string>& names, TornTail torn_tail);

  const StandardStreams streams_;  // RocksDB opens files, on threads of its own too
  const std::unique_ptr<Directory> directory_;
  const std::string path_;
  const std::shared_ptr<RocksDbHealth> health_;
  std::unique_ptr<::rocksdb::DB> db_;
  std::unique_ptr<RocksDbMark> mark_;
  KeyLocks locks_;
  Permits naming_;  // who has it may use namespaces_
  std::map<std::string, ::rocksdb::ColumnFamilyHandle*> namespaces_;
};

}  // namespace dr::inline v0
