#include "src/component/component_health.h"

#include <new>
#include <string>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/assert.h"
#include "src/component/holding_order.h"

namespace dr::inline v0 {

void ComponentHealth::Fail(const absl::Status& why) noexcept {
  DR_ASSERT(!why.ok());
  MutexLock lock(mutex_);
  if (has_failed()) return;
  failure_ = why;
  failed_.store(true, std::memory_order_release);
}

void ComponentHealth::NotifyDue(Observer* observer, Lsn applied) noexcept {
  const bool failed = has_failed();
  if ((!failed || notified_.load()) && !state_kept_.load()) return;
  if (HoldingOrder::Any()) return;
  if (failed && !notified_.exchange(true)) {
    Notify(observer, EventKind::kComponentFailed, applied, [&] { return failure_; });
  }
  if (!state_kept_.exchange(false)) return;
  Notify(observer, EventKind::kStateHeld, applied, [&] {
    return MakeFault({.kind = FaultKind::kUsage,
                      .place = identity_.id,
                      .next = "let no thread that has the state lock wait for a commit"},
                     fmt::format("component '{}' applies nothing because readers have had its "
                                 "state lock for as long as a callback may take",
                                 identity_.id));
  });
}

void ComponentHealth::Notify(Observer* observer, EventKind kind, Lsn applied,
                             absl::FunctionRef<absl::Status()> why) const noexcept {
  if (observer == nullptr) return;
  try {
    const absl::Status status = why();
    observer->OnEvent({.kind = kind,
                       .component = identity_.id,
                       .lsn = applied,
                       .status = status,
                       .text = std::string(AsStd(status.message()))});
  } catch (const std::bad_alloc&) {
    return;  // the failure itself is not lost: every caller gets it
  }
}

}  // namespace dr::inline v0
