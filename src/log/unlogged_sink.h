// The log of a host that has no disk: it gives operations their order, and keeps nothing.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "dr/log/operation_log.h"
#include "dr/mutex.h"
#include "src/log/log_time.h"

namespace dr::inline v0 {

/// Thread-safe. Whatever has been staged is as durable as it will ever be.
class UnloggedSink final : public LogSink {
 public:
  /// `clock` outlives it. `last`: the operation before the first.
  UnloggedSink(const Clock& clock, Lsn last, LogTime time)
      : clock_(clock), time_(time), staged_(last.value) {}

  absl::Status MakeRoom(std::uint64_t count, const Context& context) override;
  absl::Status Admit(std::size_t, const Context&) override { return status(); }
  void Withdraw(std::size_t) override {}
  absl::Status Stage(Lsn upto, const Context& context) override;
  absl::Status Persist(Lsn upto, const Context& context) override { return Stage(upto, context); }
  Lsn durable() const override { return {staged_.load(std::memory_order_acquire)}; }

  /// Accepts nothing any more, because of `why`. What has its Lsn is applied.
  void End(absl::Status why);
  absl::Status status() const override;
  std::chrono::nanoseconds time_ahead() const;
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }  ///< of payloads

 private:
  void Bind(OperationLog& log) override { log_ = &log; }
  void StageAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  OperationLog* log_ = nullptr;
  mutable Mutex mutex_;
  absl::Status ended_ ABSL_GUARDED_BY(mutex_);
  LogTime time_ ABSL_GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> staged_;
  std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace dr::inline v0
