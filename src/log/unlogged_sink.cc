#include "src/log/unlogged_sink.h"

#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"

namespace dr::inline v0 {

absl::Status UnloggedSink::status() const {
  MutexLock lock(mutex_);
  return ended_;
}

std::chrono::nanoseconds UnloggedSink::time_ahead() const {
  MutexLock lock(mutex_);
  return time_.ahead();
}

void UnloggedSink::End(absl::Status why) {
  MutexLock lock(mutex_);
  if (ended_.ok()) ended_ = std::move(why);
  log_->Close();
}

absl::Status UnloggedSink::MakeRoom(std::uint64_t /*count*/, const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "waiting for the log"));
  MutexLock lock(mutex_);
  DR_RETURN_IF_ERROR(ended_);
  StageAll();
  log_->Allow({log_->staged().value + log_->capacity()});
  return absl::OkStatus();
}

absl::Status UnloggedSink::Stage(Lsn upto, const Context& /*context*/) {
  if (durable() >= upto) return absl::OkStatus();
  MutexLock lock(mutex_);
  StageAll();
  if (ended_.ok()) log_->Allow({log_->staged().value + log_->capacity()});
  return absl::OkStatus();
}

void UnloggedSink::StageAll() {
  const Lsn last = log_->last();
  const std::int64_t now_ns = time_.wall_ns();
  std::uint64_t bytes = 0;
  for (Lsn lsn = Next(log_->staged()); lsn <= last; lsn = Next(lsn)) {
    RecordView& record = log_->AwaitEntry(lsn).record;
    record.time_ns = time_.Record(record.time_ns, now_ns);
    bytes += record.payload.size();
  }
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  log_->Release(last);
  staged_.store(last.value, std::memory_order_release);
}

}  // namespace dr::inline v0
