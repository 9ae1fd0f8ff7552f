#include "src/log/log_positions.h"

#include "src/base/assert.h"

namespace dr::inline v0 {

LogPositions::LogPositions(Lsn last, const Digest& history)
    : recorded_(last),
      durable_(last.value),
      durable_history_(history),
      dispatched_(last),
      unit_(last),
      staged_(last),
      allowed_(last) {}

void LogPositions::Dispatch() {
  DR_ASSERT(!poisoned_at_);
  dispatched_ = unit_;
}

void LogPositions::Acknowledge(Lsn upto, const Digest& history, Lsn evidence) {
  if (upto > durable()) {
    durable_.store(upto.value, std::memory_order_release);
    durable_history_ = history;
  }
  Record(evidence);
}

void LogPositions::Poison() {
  DR_ASSERT(!poisoned_at_);
  poisoned_at_ = dispatched_;
}

}  // namespace dr::inline v0
