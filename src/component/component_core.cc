// Callbacks, recovery, attachment and checkpoints of a component.

#include "src/component/component_core.h"

#include <exception>
#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/base/status_macros.h"
#include "src/component/callback_frame.h"

namespace dr::inline v0 {

ComponentCore::ComponentCore(StatefulComponent& component, std::string id, Schema schema)
    : component_(component), id_(std::move(id)), schema_(std::move(schema)) {}

// ---- Callbacks ----------------------------------------------------------------------------------

absl::Status ComponentCore::Blame(std::string_view callback, std::string_view what) const noexcept {
  try {
    return MakeFault({.kind = FaultKind::kComponent,
                      .place = id_,
                      .next = "mend the component and open the host again; its log is safe"},
                     fmt::format("component '{}' failed in {}: {}", id_, callback, what));
  } catch (const std::bad_alloc&) {
    return absl::Status(absl::StatusCode::kInternal, "");
  }
}

absl::Status ComponentCore::Guarded(std::string_view name,
                                    absl::FunctionRef<absl::Status()> callback) const {
  CallbackScope scope(this);
  try {
    absl::Status status = callback();
    if (scope.reentered()) return Blame(name, "it called back into dr");
    if (status.ok() || FaultOf(status)) return status;
    return Blame(name, AsStd(status.message()));
  } catch (const std::exception& error) {
    return Blame(name, error.what());
  } catch (...) {
    return Blame(name, "it threw something that is not a std::exception");
  }
}

absl::Status ComponentCore::RegisterUpgrades(SchemaUpgrades& upgrades) {
  return Guarded("RegisterUpgrades", [&] { return component_.RegisterUpgrades(upgrades); });
}

absl::Status ComponentCore::Load(StateReader& state, Lsn as_of) {
  WriterLock lock(state_mutex_);
  applied_.store(as_of.value, std::memory_order_release);
  return Guarded("LoadState", [&] { return component_.LoadState(state); });
}

absl::Status ComponentCore::Save(StateWriter& out) const {
  ReaderLock lock(state_mutex_);
  return Guarded("SaveState", [&] { return component_.SaveState(out); });
}

absl::StatusOr<std::optional<Digest>> ComponentCore::StateDigest() const {
  if (!state_mutex_.try_lock_shared_for({})) return std::nullopt;  // it is worth no waiting
  ReaderLock lock(state_mutex_, std::adopt_lock);
  DR_RETURN_IF_ERROR(failure());
  CallbackWatch::Inside inside(applying_watch_, "StateDigest");
  std::optional<Digest> digest;
  DR_RETURN_IF_ERROR(Guarded("StateDigest", [&] {
    digest = component_.StateDigest();
    return absl::OkStatus();
  }));
  return digest;
}

absl::Status ComponentCore::ApplyOne(const RecordView& record, std::string_view payload) {
  const Operation operation{
      record.lsn, record.kind, id_, schema_, absl::FromUnixNanos(record.time_ns), payload};
  return Guarded("Apply", [&] { return component_.Apply(operation); });
}

absl::Status ComponentCore::Replay(const RecordView& record, std::string_view payload) {
  WriterLock lock(state_mutex_);
  DR_RETURN_IF_ERROR(ApplyOne(record, payload));
  applied_.store(record.lsn.value, std::memory_order_release);
  return absl::OkStatus();
}

// ---- Life ---------------------------------------------------------------------------------------

absl::Status ComponentCore::Claim() {
  if (!claimed_.exchange(true)) return absl::OkStatus();
  return MakeFault(
      {.kind = FaultKind::kUsage, .place = id_, .next = "make a new instance for every Host::Open"},
      fmt::format("component '{}' was given to a host before", id_));
}

void ComponentCore::Attach(Runtime& runtime) {
  {
    MutexLock lock(order_mutex_);
    last_ = barrier_ = last_local_ = applied();
    recovered_ = runtime.log.last();
  }
  runtime_.store(&runtime);
  callers_.Open();
}

absl::Status ComponentCore::Close(const Context& context) {
  callers_.Close();
  const Runtime* runtime = runtime_.load();
  if (runtime == nullptr) return absl::OkStatus();  // Open failed before it was attached
  if (runtime->fork_guard.InChild()) {
    detached_.store(true);
    return absl::OkStatus();
  }
  return callers_.AwaitEmpty(context, runtime->clock, "callers of " + id_);
}

void ComponentCore::Detach() {
  if (runtime_.load() == nullptr) return;  // Open failed before it was attached
  const bool begun = true;
  const auto why = [&]() -> absl::Status {
    return MakeFault({.kind = FaultKind::kAmbiguous,
                      .place = id_,
                      .next = "open a host again and look at the state"},
                     "the host was closed before the operation was applied; it is in the log if "
                     "it had become durable");
  };
  FailPending(WithinMemory(why, &begun));
  NotifyDue();
  detached_.store(true);
}

void ComponentCore::Orphan() {
  callers_.Close();
  const Runtime* runtime = runtime_.load();
  if (runtime == nullptr || detached_.load() || runtime->fork_guard.InChild()) return;
  Fail(WithinMemory([&]() -> absl::Status {
    return MakeFault(
        {.kind = FaultKind::kUsage, .place = id_, .next = "destroy the host before its components"},
        fmt::format("component '{}' was destroyed before its host", id_));
  }));
  NotifyDue();
  // A callback that runs is waited for; none begins behind this.
  WriterLock state(state_mutex_);
  WriterLock views(views_mutex_);
}

// ---- Figures ------------------------------------------------------------------------------------

absl::Status ComponentCore::failure() const {
  MutexLock lock(apply_mutex_);
  return failure_;
}

}  // namespace dr::inline v0
