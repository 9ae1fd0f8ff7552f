#include "src/log/log_waiters.h"

namespace dr::inline v0 {

void LogWaiters::WakeOne(Waiter& waiter) {
  waiting_.Remove(waiter);
  woken_.Add(waiter);
}

void LogWaiters::WakeLeader(Lsn dispatched) {
  for (Waiter* waiter = waiting_.first(); waiter != nullptr; waiter = WaiterList::After(*waiter)) {
    if (waiter->upto() > dispatched) return WakeOne(*waiter);
  }
}

void LogWaiters::WakeUpTo(Lsn durable) {
  for (Waiter *waiter = waiting_.first(), *next = nullptr; waiter != nullptr; waiter = next) {
    next = WaiterList::After(*waiter);
    if (waiter->upto() <= durable) WakeOne(*waiter);
  }
}

void LogWaiters::WakeAll() {
  while (!empty()) WakeOne(*waiting_.first());
}

}  // namespace dr::inline v0
