// Guards what belongs to the whole process and must be whole in a forked child too.
#pragma once

#include "dr/mutex.h"

namespace dr::inline v0 {

/// No thread holds it while the process forks, so a child finds it free and what it guards intact.
/// It is always the last lock to be taken, and held for moments only, because a fork waits for it.
extern Mutex fork_mutex;

class ABSL_SCOPED_LOCKABLE ForkMutexLock {
 public:
  ForkMutexLock() ABSL_EXCLUSIVE_LOCK_FUNCTION(fork_mutex);
  ~ForkMutexLock() ABSL_UNLOCK_FUNCTION();
  ForkMutexLock(const ForkMutexLock&) = delete;
  ForkMutexLock& operator=(const ForkMutexLock&) = delete;
};

}  // namespace dr::inline v0
