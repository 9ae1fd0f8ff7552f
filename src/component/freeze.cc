#include "src/component/freeze.h"

#include <algorithm>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/component/commit_call.h"

namespace dr::inline v0 {
namespace {

absl::Status WhyNotLocked(const ComponentCore& core, const Clock& clock, const Context& context) {
  DR_RETURN_IF_ERROR(core.failure());
  return CheckContext(context, clock, "the state of component " + core.id());
}

}  // namespace

absl::StatusOr<Frozen> Freeze(ComponentCore& core, std::optional<Lsn> previous,
                              const Context& context) {
  Attachment& attachment = core.attachment();
  ComponentCallbacks& callbacks = core.callbacks();
  const Clock& clock = attachment.runtime().clock;
  Frozen frozen;
  const std::optional<Lsn> end = attachment.order().EndAtRest();
  const Lsn applied = callbacks.applied();
  // Never behind what was recovered: a component retired then is not given the end of its log
  // later.
  frozen.as_of = std::max(applied, end.value_or(attachment.recovered()));
  frozen.changed = !previous.has_value() || applied > *previous;
  if (!frozen.changed) {
    frozen.as_of = std::max(frozen.as_of, *previous);
    return frozen;
  }
  if (!attachment.waits().LockStateShared(callbacks.state_mutex(), context)) {
    return WhyNotLocked(core, clock, context);
  }
  ReaderLock lock(callbacks.state_mutex(), std::adopt_lock);
  const Instant start = clock.Now();
  // More may have been applied by now; never less.
  frozen.as_of = std::max(frozen.as_of, callbacks.applied());
  DR_ASSIGN_OR_RETURN(frozen.copy, callbacks.CopyState());
  frozen.pause = clock.Now() - start;
  return frozen;
}

absl::Status Reload(ComponentCore& core, StateReader& state, const Context& context) {
  const CommitCall call(core);
  DR_RETURN_IF_ERROR(call.Check({.context = context}));
  Attachment& attachment = call.attachment();
  ComponentCallbacks& callbacks = core.callbacks();
  CommitOrder::Hold order(attachment.order());
  DR_ASSIGN_OR_RETURN(const Lsn before, order.Acquire(context));
  DR_RETURN_IF_ERROR(attachment.applier().AwaitEarlier(before, context));
  absl::Status loaded;
  {
    if (!attachment.waits().LockState(callbacks.state_mutex(), context)) {
      return WhyNotLocked(core, attachment.runtime().clock, context);
    }
    WriterLock lock(callbacks.state_mutex(), std::adopt_lock);
    loaded = callbacks.Reload(state);
    // Still under the lock: nobody may save what this has left behind.
    if (!loaded.ok()) callbacks.health().Fail(loaded);
  }
  if (!loaded.ok()) attachment.waits().Fail(loaded);
  return loaded;
}

}  // namespace dr::inline v0
