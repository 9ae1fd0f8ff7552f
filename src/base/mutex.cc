#include "dr/mutex.h"

namespace dr::inline v0 {
namespace {

// Shared locks that this thread has. With one it must not wait at a gate: the writer there waits
// for it.
thread_local int shared_locks_held = 0;

}  // namespace

void SharedMutex::lock() {
  writers_waiting_.fetch_add(1);
  gate_.lock();
  mutex_.lock();
  gate_.unlock();
  writers_waiting_.fetch_sub(1);
}

void SharedMutex::lock_shared() {
  if (writers_waiting_.load() != 0 && shared_locks_held == 0) {
    gate_.lock();
    gate_.unlock();
  }
  mutex_.lock_shared();
  ++shared_locks_held;
}

void SharedMutex::unlock_shared() {
  --shared_locks_held;
  mutex_.unlock_shared();
}

}  // namespace dr::inline v0
