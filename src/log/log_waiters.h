// The threads that wait for a log, and which of them are woken.
#pragma once

#include <utility>

#include "dr/types.h"
#include "src/log/waiter.h"

namespace dr::inline v0 {

/// Not thread-safe: under the log's mutex. Those that are taken off are woken without it.
class LogWaiters {
 public:
  bool empty() const { return waiting_.first() == nullptr; }
  void Add(Waiter& waiter) { waiting_.Add(waiter); }
  void Remove(Waiter& waiter) { waiting_.Remove(waiter); }

  /// The first who waits for more than what is `dispatched`: the device is not to idle.
  void WakeLeader(Lsn dispatched);
  /// All who are done when the log is `durable`, or who wait for anything to change.
  void WakeUpTo(Lsn durable);
  void WakeAll();
  /// Those to be woken. A value: it moves out of the mutex.
  WokenWaiters TakeWoken() { return std::move(woken_); }

 private:
  void WakeOne(Waiter& waiter);

  WaiterList waiting_;
  WokenWaiters woken_;
};

}  // namespace dr::inline v0
