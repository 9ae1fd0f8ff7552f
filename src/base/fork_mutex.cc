#include "src/base/fork_mutex.h"

#include <pthread.h>

namespace dr::inline v0 {

Mutex fork_mutex;

namespace {

void BeforeFork() ABSL_NO_THREAD_SAFETY_ANALYSIS { fork_mutex.lock(); }
void AfterFork() ABSL_NO_THREAD_SAFETY_ANALYSIS { fork_mutex.unlock(); }

// When the library is loaded, because a fork that is under way would miss the handlers. Without the
// memory for them a child may find the mutex held, as if there were none.
[[maybe_unused]] const int registered = pthread_atfork(BeforeFork, AfterFork, AfterFork);

}  // namespace

ForkMutexLock::ForkMutexLock() { fork_mutex.lock(); }

ForkMutexLock::~ForkMutexLock() { fork_mutex.unlock(); }

}  // namespace dr::inline v0
