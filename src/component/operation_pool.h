// Operations on their way through a component, and where their memory comes from.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "dr/log/operation_log.h"
#include "dr/mutex.h"
#include "dr/stateful_component.h"
#include "src/base/intrusive_queue.h"
#include "src/component/completion_queue.h"
#include "src/component/component_identity.h"
#include "src/component/runtime.h"

namespace dr::inline v0 {

/// An operation between its commit and its application. It owns what its entry points to.
struct PendingOperation {
  LogEntry entry = {};
  std::string payload = {}, subject = {};
  Durability durability = {};
  std::unique_ptr<Completion> completion = nullptr;  ///< of an asynchronous commit
  PendingOperation* next = nullptr;
};
using PendingOperations = IntrusiveQueue<PendingOperation>;

/// Makes the operations of one component, of used ones where there are any. Thread-safe.
class OperationPool {
 public:
  /// Both outlive it.
  OperationPool(const ComponentIdentity& identity, const Runtime& runtime)
      : identity_(identity), runtime_(runtime) {}

  /// kInvalidArgument: payload or subject is too long.
  absl::StatusOr<std::unique_ptr<PendingOperation>> Make(std::string_view payload,
                                                         const CommitOptions& options);
  /// Takes back operations that nothing reads any more and whose callers have been told.
  void Recycle(PendingOperations used) noexcept;

 private:
  const ComponentIdentity& identity_;
  const Runtime& runtime_;
  Mutex mutex_;
  PendingOperations spares_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dr::inline v0
