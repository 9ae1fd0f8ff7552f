#include "src/component/component_core.h"

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/assert.h"
#include "src/base/out_of_memory.h"

namespace dr::inline v0 {

absl::Status ComponentCore::Claim() {
  if (!claimed_.exchange(true)) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kUsage,
                    .place = id(),
                    .next = "make a new instance for every Host::Open"},
                   fmt::format("component '{}' was given to a host before", id()));
}

void ComponentCore::Attach(Runtime& runtime) {
  DR_ASSERT(claimed_.load() && attachment_ == nullptr);
  attachment_ = std::make_unique<Attachment>(runtime, callbacks_);
  callers_.Open();
}

Attachment& ComponentCore::attachment() {
  DR_ASSERT(attachment_ != nullptr);
  return *attachment_;
}

absl::Status ComponentCore::Close(const Context& context) {
  callers_.Close();
  if (attachment_ == nullptr) return absl::OkStatus();  // Open failed before it was attached
  const Runtime& runtime = attachment_->runtime();
  if (runtime.fork_guard.InChild()) {
    detached_.store(true);
    return absl::OkStatus();
  }
  return callers_.AwaitEmpty(context, runtime.clock, "callers of " + id());
}

void ComponentCore::Detach() {
  if (attachment_ == nullptr) return;
  const bool begun = true;
  const auto why = [&]() -> absl::Status {
    return MakeFault({.kind = FaultKind::kAmbiguous,
                      .place = id(),
                      .next = "open a host again and look at the state"},
                     "the host was closed before the operation was applied; it is in the log if "
                     "it had become durable");
  };
  attachment_->applier().EndPending(WithinMemory(why, &begun));
  attachment_->waits().NotifyDue();
  detached_.store(true);
}

void ComponentCore::Orphan() {
  callers_.Close();
  if (attachment_ == nullptr || detached_.load()) return;
  if (attachment_->runtime().fork_guard.InChild()) return;
  attachment_->waits().Fail(WithinMemory([&]() -> absl::Status {
    return MakeFault({.kind = FaultKind::kUsage,
                      .place = id(),
                      .next = "destroy the host before its components"},
                     fmt::format("component '{}' was destroyed before its host", id()));
  }));
  attachment_->waits().NotifyDue();
  callbacks_.AwaitEnd();
}

}  // namespace dr::inline v0
