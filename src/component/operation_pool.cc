#include "src/component/operation_pool.h"

#include <utility>

#include "dr/clock.h"
#include "dr/status_macros.h"
#include "src/base/assert.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kSparesMax = 256;
constexpr std::size_t kSpareBytesMax = 4096;

}  // namespace

absl::StatusOr<std::unique_ptr<PendingOperation>> OperationPool::Make(
    std::string_view payload, const CommitOptions& options) {
  // Before it is copied: what is too long may be too long for the memory, too.
  DR_RETURN_IF_ERROR(CheckRecord({.subject = options.subject, .payload = payload}));
  std::unique_ptr<PendingOperation> operation;
  {
    MutexLock lock(mutex_);
    operation = spares_.Pop();
  }
  if (operation == nullptr) operation = std::make_unique<PendingOperation>();
  operation->payload.assign(payload);
  operation->subject.assign(options.subject);
  operation->durability = options.durability.value_or(runtime_.durability);
  operation->entry.record = {.kind = options.kind,
                             .component = identity_.id,
                             .schema_name = identity_.schema.name,
                             .schema_version = identity_.schema.version,
                             .subject = operation->subject,
                             .time_ns = absl::ToUnixNanos(runtime_.clock.WallTime()),
                             .payload = operation->payload,
                             .epoch = runtime_.epoch};
  return operation;
}

void OperationPool::Recycle(PendingOperations used) noexcept {
  PendingOperations spares;
  while (std::unique_ptr<PendingOperation> operation = used.Pop()) {
    DR_ASSERT(operation->completion == nullptr);
    if (operation->payload.capacity() <= kSpareBytesMax) spares.Push(std::move(operation));
  }
  MutexLock lock(mutex_);
  while (spares_.size() < kSparesMax && !spares.empty()) spares_.Push(spares.Pop());
}

}  // namespace dr::inline v0
