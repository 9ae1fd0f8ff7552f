#include "adapters/rocksdb/rocksdb_health.h"

#include <chrono>

#include "adapters/rocksdb/rocksdb_error.h"
#include "dr/status.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {
namespace {

// Nobody notifies when a context is cancelled.
constexpr std::chrono::milliseconds kSlice{10};

absl::Status Refusing(const ::rocksdb::Status& error, const std::string& path) {
  if (error.IsCorruption() || error.IsNoSpace()) return FromRocksDb(error, path);
  return MakeFault({.kind = FaultKind::kPoisoned,
                    .place = path,
                    .next = "check the device and RocksDB's LOG, then open the store again"},
                   "RocksDB takes no more writes after a background error: " + error.ToString());
}

}  // namespace

absl::Status RocksDbHealth::Check() const {
  MutexLock lock(mutex_);
  return error_;
}

absl::Status RocksDbHealth::AwaitWritable(const Context& context, const Clock& clock) {
  MutexLock lock(mutex_);
  while (error_.ok() && !stopped_.empty()) {
    DR_RETURN_IF_ERROR(CheckContext(context, clock, "a write that waits for compaction"));
    changed_.WaitFor(mutex_, kSlice);
  }
  return error_;
}

void RocksDbHealth::OnBackgroundError(::rocksdb::BackgroundErrorReason, ::rocksdb::Status* error) {
  // After a soft error it goes on writing, and tries the flush or compaction again.
  if (error->severity() < ::rocksdb::Status::kHardError) return;
  MutexLock lock(mutex_);
  error_ = Refusing(*error, path_);
  changed_.NotifyAll();
}

void RocksDbHealth::OnErrorRecoveryEnd(const ::rocksdb::BackgroundErrorRecoveryInfo& info) {
  MutexLock lock(mutex_);
  error_ = info.new_bg_error.ok() ? absl::OkStatus() : Refusing(info.new_bg_error, path_);
}

void RocksDbHealth::OnStallConditionsChanged(const ::rocksdb::WriteStallInfo& info) {
  MutexLock lock(mutex_);
  if (info.condition.cur == ::rocksdb::WriteStallCondition::kStopped) {
    stopped_.insert(info.cf_name);
  } else {
    stopped_.erase(info.cf_name);
  }
  changed_.NotifyAll();
}

}  // namespace dr::inline v0
