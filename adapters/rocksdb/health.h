// Whether a database still takes writes: RocksDB tells a listener what happens on its own threads.
#pragma once

#include <rocksdb/listener.h>

#include <string>

#include "absl/status/status.h"
#include "dr/clock.h"
#include "dr/mutex.h"
#include "dr/types.h"

namespace dr::inline v0 {

class RocksDbHealth final : public ::rocksdb::EventListener {
 public:
  explicit RocksDbHealth(std::string path) : path_(std::move(path)) {}

  /// OK, or the background error after which RocksDB refuses writes: with its own meaning if
  /// that is space or corruption, else kFailedPrecondition. RocksDB resumes by itself where it can.
  absl::Status Check() const;
  /// As Check, once writes are not stopped any more for compaction to catch up.
  absl::Status AwaitWritable(const Context& context, const Clock& clock);

 private:
  /// OK: it takes writes again.
  void Refuse(const ::rocksdb::Status& error) noexcept;
  void OnBackgroundError(::rocksdb::BackgroundErrorReason reason,
                         ::rocksdb::Status* error) override;
  void OnErrorRecoveryEnd(const ::rocksdb::BackgroundErrorRecoveryInfo& info) override;
  void OnStallConditionsChanged(const ::rocksdb::WriteStallInfo& info) override;

  const std::string path_;
  mutable Mutex mutex_;
  CondVar changed_;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  int stopped_ ABSL_GUARDED_BY(mutex_) = 0;  // how many column families are
};

}  // namespace dr::inline v0
