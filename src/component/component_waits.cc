#include "src/component/component_waits.h"

#include <algorithm>
#include <utility>

#include "src/component/holding_order.h"

namespace dr::inline v0 {
namespace {

constexpr auto kSlice = std::chrono::milliseconds(50);

}  // namespace

ComponentWaits::ComponentWaits(const Runtime& runtime, ComponentCallbacks& callbacks,
                               OnFailure on_failure)
    : runtime_(runtime), callbacks_(callbacks), on_failure_(std::move(on_failure)) {}

bool ComponentWaits::HasEnded(const Context& context) const noexcept {
  return context.stop.stop_requested() || runtime_.clock.Now() >= context.deadline;
}

std::chrono::nanoseconds ComponentWaits::Slice(const Context& context) const noexcept {
  const std::chrono::nanoseconds left = context.deadline - runtime_.clock.Now();
  return std::clamp<std::chrono::nanoseconds>(left, {}, kSlice);
}

void ComponentWaits::WaitASlice(CondVar& changed, Mutex& mutex, const Context& context) {
  changed.WaitFor(mutex, Slice(context));
  MutexUnlock unlocked(mutex);
  Watch();
}

bool ComponentWaits::LockState(SharedMutex& state, const Context& context) noexcept {
  if (state.HeldByThisThread()) return false;
  if (state.try_lock_for({})) return true;
  CallbackWatch::Inside inside(readers_watch_, "a reader");
  while (!state.try_lock_for(Slice(context))) {
    Look();
    if (HasEnded(context)) return false;
    if (callbacks_.health().kept_state_due() && !HoldingOrder::Any()) return false;
  }
  return true;
}

bool ComponentWaits::LockStateShared(SharedMutex& state, const Context& context) {
  while (!state.try_lock_shared_for(Slice(context))) {
    if (callbacks_.health().has_failed()) return false;
    if (HasEnded(context)) return false;
    Watch();
  }
  return true;
}

void ComponentWaits::Watch() {
  Look();
  NotifyDue();
}

void ComponentWaits::Look() noexcept {
  const Instant now = runtime_.clock.Now();
  const std::chrono::nanoseconds deadline = runtime_.callback_deadline;
  if (const absl::Status hangs = callbacks_.Overdue(now, deadline); !hangs.ok()) Fail(hangs);
  if (readers_watch_.Overdue(now, deadline) != nullptr) callbacks_.health().NoteKeptState();
}

void ComponentWaits::NotifyDue() noexcept {
  callbacks_.health().NotifyDue(runtime_.observer, callbacks_.applied());
}

void ComponentWaits::Fail(const absl::Status& why) noexcept {
  callbacks_.health().Fail(why);
  on_failure_(callbacks_.health().failure());
}

}  // namespace dr::inline v0
