#include "src/runtime/forgetful_log.h"

#include <thread>
#include <utility>

#include "dr/status.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {

absl::Status ForgetfulLog::status() const {
  MutexLock lock(mutex_);
  return ended_;
}

std::chrono::nanoseconds ForgetfulLog::time_ahead() const {
  MutexLock lock(mutex_);
  return time_.ahead();
}

void ForgetfulLog::End(OperationLog& log, absl::Status why) {
  MutexLock lock(mutex_);
  if (ended_.ok()) ended_ = std::move(why);
  log.Close();
}

absl::Status ForgetfulLog::MakeRoom(OperationLog& log, std::uint64_t /*count*/,
                                    const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "waiting for the log"));
  MutexLock lock(mutex_);
  DR_RETURN_IF_ERROR(ended_);
  StageAll(log);
  log.Allow({log.staged().value + log.capacity()});
  return absl::OkStatus();
}

absl::Status ForgetfulLog::Stage(OperationLog& log, Lsn upto) {
  if (durable() >= upto) return absl::OkStatus();
  MutexLock lock(mutex_);
  StageAll(log);
  if (ended_.ok()) log.Allow({log.staged().value + log.capacity()});
  return absl::OkStatus();
}

void ForgetfulLog::StageAll(OperationLog& log) {
  const Lsn last = log.last();
  std::uint64_t bytes = 0;
  for (Lsn lsn = Next(log.staged()); lsn <= last; lsn = Next(lsn)) {
    LogEntry* entry = log.At(lsn);
    // Its producer has the ticket and is about to publish.
    while (entry == nullptr) {
      std::this_thread::yield();
      entry = log.At(lsn);
    }
    RecordView& record = entry->record;
    record.time_ns = time_.Record(record.time_ns);
    bytes += record.payload.size();
  }
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  log.Release(last);
  staged_.store(last.value, std::memory_order_release);
}

}  // namespace dr::inline v0
