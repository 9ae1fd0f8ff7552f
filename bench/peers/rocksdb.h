// The parts of RocksDB's rows that several of its sources need.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/peers/peer.h"

namespace bench {

absl::Status FromRocksDb(const ::rocksdb::Status& status, std::string_view what);
::rocksdb::Options RocksDbOptions();
absl::StatusOr<std::unique_ptr<::rocksdb::DB>> OpenRocksDb(const ::rocksdb::Options& options,
                                                           const std::string& directory);
/// Writes records 0 … records-1 in batches of 100, without syncs.
absl::Status FillRocksDb(::rocksdb::DB& db, std::uint64_t records, std::size_t bytes);

std::vector<PreparedPeer> RocksDbReplays();
std::vector<PreparedPeer> RocksDbRecoveries();

}  // namespace bench
