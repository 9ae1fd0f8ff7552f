#include "adapters/rocksdb/health.h"

#include <chrono>
#include <new>
#include <utility>

#include "adapters/rocksdb/error.h"
#include "dr/status.h"
#include "dr/status_macros.h"

namespace dr::inline v0 {
namespace {

// Nobody notifies when a context is cancelled.
constexpr std::chrono::milliseconds kSlice{10};

absl::Status Refusing(const ::rocksdb::Status& error, const std::string& path) {
  if (error.IsCorruption() || error.IsNoSpace()) return ErrorOf(error, path);
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
  while (error_.ok() && stopped_ > 0) {
    DR_RETURN_IF_ERROR(CheckContext(context, clock, "a write that waits for compaction"));
    changed_.WaitFor(mutex_, kSlice);
  }
  return error_;
}

void RocksDbHealth::OnBackgroundError(::rocksdb::BackgroundErrorReason, ::rocksdb::Status* error) {
  // After a soft error it goes on writing, and tries the flush or compaction again.
  if (error->severity() >= ::rocksdb::Status::kHardError) Refuse(*error);
}

void RocksDbHealth::OnErrorRecoveryEnd(const ::rocksdb::BackgroundErrorRecoveryInfo& info) {
  Refuse(info.new_bg_error);
}

void RocksDbHealth::OnStallConditionsChanged(const ::rocksdb::WriteStallInfo& info) {
  const bool was_stopped = info.condition.prev == ::rocksdb::WriteStallCondition::kStopped;
  const bool is_stopped = info.condition.cur == ::rocksdb::WriteStallCondition::kStopped;
  MutexLock lock(mutex_);
  stopped_ += static_cast<int>(is_stopped) - static_cast<int>(was_stopped);
  changed_.NotifyAll();
}

void RocksDbHealth::Refuse(const ::rocksdb::Status& error) noexcept {
  absl::Status refusing(absl::StatusCode::kFailedPrecondition, "");
  try {
    refusing = error.ok() ? absl::OkStatus() : Refusing(error, path_);
  } catch (const std::bad_alloc&) {  // which one of RocksDB's threads would not survive
  }
  MutexLock lock(mutex_);
  error_ = std::move(refusing);
  changed_.NotifyAll();
}

}  // namespace dr::inline v0
