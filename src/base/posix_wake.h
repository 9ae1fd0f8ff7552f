// A descriptor that a runtime's own loop polls.
#pragma once

#include "absl/status/statusor.h"
#include "dr/environment/descriptor.h"
#include "dr/mutex.h"

namespace dr::inline v0 {

/// Made when it is asked for. Readable from a Signal on, until it is cleared. Thread-safe.
class WakeDescriptor {
 public:
  absl::StatusOr<int> Get();
  bool is_made() const;
  void Signal();
  void Clear();

 private:
  mutable Mutex mutex_;
  FileDescriptor fd_ ABSL_GUARDED_BY(mutex_);
  bool signalled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace dr::inline v0
