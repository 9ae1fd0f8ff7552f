#include "src/base/posix_lock.h"

#include <pthread.h>

#include <utility>

#include "src/base/assert.h"

namespace dr::inline v0 {

LockDescriptor* LockDescriptor::first_ = nullptr;

// As fork_mutex, when the library is loaded.
const int LockDescriptor::registered_ = pthread_atfork(nullptr, nullptr, CloseAllInChild);

LockDescriptor::LockDescriptor(absl::FunctionRef<int()> open) {
  const ForkMutexLock lock;
  fd_ = FileDescriptor(open());
  if (!fd_.valid()) return;
  next_ = std::exchange(first_, this);
  if (next_ != nullptr) next_->previous_ = this;
}

LockDescriptor::~LockDescriptor() {
  const ForkMutexLock lock;
  if (!fd_.valid()) return;
  DR_ASSERT((previous_ != nullptr ? previous_->next_ : first_) == this);
  if (next_ != nullptr) next_->previous_ = previous_;
  (previous_ != nullptr ? previous_->next_ : first_) = next_;
}

// Nothing but close(): other threads may have held any other lock at the fork. fork_mutex was not
// among them, so the list is whole.
void LockDescriptor::CloseAllInChild() {
  for (LockDescriptor* at = std::exchange(first_, nullptr); at != nullptr; at = at->next_) {
    at->fd_ = FileDescriptor();
  }
}

}  // namespace dr::inline v0
