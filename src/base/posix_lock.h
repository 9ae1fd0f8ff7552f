// Locks that end with the process that took them, whatever it has forked.
#pragma once

#include "absl/functional/function_ref.h"
#include "dr/environment/descriptor.h"
#include "src/base/fork_mutex.h"

namespace dr::inline v0 {

/// A descriptor to put a lock on. Such a lock lives with the open file description, which a forked
/// child shares, so the child closes its copies before fork() returns there. (A child of a bare
/// clone() does not: what it inherits it holds, unless the owner unlocks.) Thread-safe against
/// forks.
class LockDescriptor {
 public:
  /// Takes the descriptor that `open` returns, which has an open file description of its own. No
  /// fork comes in between.
  explicit LockDescriptor(absl::FunctionRef<int()> open);
  ~LockDescriptor();
  LockDescriptor(const LockDescriptor&) = delete;
  LockDescriptor& operator=(const LockDescriptor&) = delete;

  /// In a forked child: -1.
  int get() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }

 private:
  static void CloseAllInChild() ABSL_NO_THREAD_SAFETY_ANALYSIS;

  static const int registered_;
  static LockDescriptor* first_ ABSL_GUARDED_BY(fork_mutex);
  FileDescriptor fd_;
  LockDescriptor* previous_ ABSL_GUARDED_BY(fork_mutex) = nullptr;
  LockDescriptor* next_ ABSL_GUARDED_BY(fork_mutex) = nullptr;
};

}  // namespace dr::inline v0
