#include "src/log/log_positions.h"

#include "src/base/assert.h"

namespace dr::inline v0 {

LogPositions::LogPositions(Lsn last)
    : recorded_(last),
      durable_(last.value),
      dispatched_(last),
      unit_(last),
      staged_(last),
      allowed_(last) {}

void LogPositions::Dispatch() {
  DR_ASSERT(!poisoned_at_);
  dispatched_ = unit_;
}

void LogPositions::Acknowledge(Lsn upto, Lsn evidence) {
  if (upto > durable()) durable_.store(upto.value, std::memory_order_release);
  Record(evidence);
}

void LogPositions::Poison() {
  DR_ASSERT(!poisoned_at_);
  poisoned_at_ = dispatched_;
}

}  // namespace dr::inline v0
