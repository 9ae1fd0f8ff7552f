#include "src/component/attachment.h"

#include "dr/status.h"

namespace dr::inline v0 {

Attachment::Attachment(Runtime& runtime, ComponentCallbacks& callbacks)
    : runtime_(runtime),
      callbacks_(callbacks),
      recovered_(runtime.log.last()),
      waits_(runtime, callbacks, [this](const absl::Status& why) { applier_.EndPending(why); }),
      order_(runtime.log, *this, callbacks.applied()),
      pool_(callbacks.identity(), runtime),
      applier_(runtime, callbacks, waits_, order_, pool_) {}

absl::Status Attachment::Check(const Context& context) const {
  return CheckContext(context, runtime_.clock,
                      "the order of component " + callbacks_.identity().id);
}

absl::Status Attachment::WaitASlice(CondVar& changed, Mutex& mutex, const Context& context) {
  waits_.WaitASlice(changed, mutex, context);
  MutexUnlock unlocked(mutex);
  return runtime_.log.status();
}

}  // namespace dr::inline v0
