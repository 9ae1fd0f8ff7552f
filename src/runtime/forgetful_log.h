// The log of a host that has no disk: it gives operations their order, and keeps nothing.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "dr/mutex.h"
#include "dr/operation_log.h"
#include "src/log/log_time.h"

namespace dr::inline v0 {

/// Thread-safe. Whatever has been staged is as durable as it will ever be.
class ForgetfulLog final : public LogSink {
 public:
  /// `clock` outlives it. `last`: the operation before the first.
  ForgetfulLog(const Clock& clock, Lsn last, LogTime time)
      : clock_(clock), time_(time), staged_(last.value) {}

  absl::Status MakeRoom(OperationLog& log, std::uint64_t count, const Context& context) override;
  absl::Status Admit(OperationLog&, std::size_t, const Context&) override { return status(); }
  void Withdraw(OperationLog&, std::size_t) override {}
  absl::Status Stage(OperationLog& log, Lsn upto) override;
  absl::Status Persist(OperationLog& log, Lsn upto, const Context&) override {
    return Stage(log, upto);
  }
  Lsn durable() const override { return {staged_.load(std::memory_order_acquire)}; }

  /// Accepts nothing any more, because of `why`. What has its Lsn is applied.
  void End(OperationLog& log, absl::Status why);
  absl::Status status() const;
  std::chrono::nanoseconds time_ahead() const;
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }  ///< of payloads

 private:
  void StageAll(OperationLog& log) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  mutable Mutex mutex_;
  absl::Status ended_ ABSL_GUARDED_BY(mutex_);
  LogTime time_ ABSL_GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> staged_;
  std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace dr::inline v0
