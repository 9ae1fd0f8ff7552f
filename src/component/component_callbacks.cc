#include "src/component/component_callbacks.h"

#include <exception>
#include <new>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/assert.h"
#include "src/component/callback_frame.h"

namespace dr::inline v0 {
namespace {

class Collector final : public StateWriter {
 public:
  explicit Collector(std::vector<std::string>& records) : records_(records) {}
  absl::Status WriteRecord(std::string_view record) override {
    records_.emplace_back(record);
    return absl::OkStatus();
  }

 private:
  std::vector<std::string>& records_;
};

// How long the store takes, and how long the disk is left to commits, is not the view's doing.
class UnwatchedWriter final : public StateWriter {
 public:
  UnwatchedWriter(StateWriter& out, CallbackWatch::Inside& inside) : out_(out), inside_(inside) {}
  absl::Status WriteRecord(std::string_view record) override {
    inside_.Leave();
    absl::Status written = out_.Write(record);
    inside_.Enter();
    return written;
  }

 private:
  StateWriter& out_;
  CallbackWatch::Inside& inside_;
};

}  // namespace

ComponentCallbacks::ComponentCallbacks(StatefulComponent& component, ComponentIdentity identity)
    : component_(component), identity_(std::move(identity)), health_(identity_) {}

absl::Status ComponentCallbacks::CheckStateLock() const {
  if (!state_mutex_.HeldByThisThread()) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kUsage,
                    .place = identity_.id,
                    .next = "give the lock of state_mutex() back before committing"},
                   fmt::format("this thread has the state lock of component '{}'", identity_.id));
}

// ---- Blame --------------------------------------------------------------------------------------

// Without memory too: a failure that could not be said would be none.
absl::Status ComponentCallbacks::Blame(std::string_view callback,
                                       std::string_view what) const noexcept {
  try {
    return MakeFault({.kind = FaultKind::kComponent,
                      .place = identity_.id,
                      .next = "mend the component and open the host again; its log is safe"},
                     fmt::format("component '{}' failed in {}: {}", identity_.id, callback, what));
  } catch (const std::bad_alloc&) {
    return absl::Status(absl::StatusCode::kInternal, "");
  }
}

absl::Status ComponentCallbacks::Guarded(std::string_view name,
                                         absl::FunctionRef<absl::Status()> callback) const {
  CallbackScope scope(identity_.id);
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

absl::Status ComponentCallbacks::Overdue(Instant now, std::chrono::nanoseconds deadline) noexcept {
  for (CallbackWatch* watch : {&applying_watch_, &checkpoint_watch_}) {
    const char* callback = watch->Overdue(now, deadline);
    if (callback != nullptr) return Blame(callback, "it has not returned within the deadline");
  }
  return absl::OkStatus();
}

void ComponentCallbacks::AwaitEnd() {
  DR_ASSERT(health_.has_failed());
  WriterLock state(state_mutex_);
  WriterLock views(views_mutex_);
}

// ---- State --------------------------------------------------------------------------------------

absl::Status ComponentCallbacks::RegisterUpgrades(SchemaUpgrades& upgrades) const {
  return Guarded("RegisterUpgrades", [&] { return component_.RegisterUpgrades(upgrades); });
}

absl::Status ComponentCallbacks::Load(StateReader& state, Lsn as_of) {
  WriterLock lock(state_mutex_);
  applied_.store(as_of.value, std::memory_order_release);
  return Guarded("LoadState", [&] { return component_.LoadState(state); });
}

absl::Status ComponentCallbacks::Replay(const RecordView& record, std::string_view payload) {
  WriterLock lock(state_mutex_);
  return Apply(record, payload);
}

absl::Status ComponentCallbacks::Apply(const RecordView& record, std::string_view payload) {
  DR_ASSERT(record.lsn > applied());
  const Operation operation{
      record.lsn, record.kind, identity_.id, identity_.schema, absl::FromUnixNanos(record.time_ns),
      payload,    record.epoch};
  DR_RETURN_IF_ERROR(Guarded("Apply", [&] { return component_.Apply(operation); }));
  applied_.store(record.lsn.value, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status ComponentCallbacks::Save(StateWriter& out) const {
  ReaderLock lock(state_mutex_);
  return Guarded("SaveState", [&] { return component_.SaveState(out); });
}

absl::StatusOr<std::optional<Digest>> ComponentCallbacks::StateDigest() const {
  if (!state_mutex_.try_lock_shared_for({})) return std::nullopt;
  ReaderLock lock(state_mutex_, std::adopt_lock);
  DR_RETURN_IF_ERROR(health_.failure());
  CallbackWatch::Inside inside(applying_watch_, "StateDigest");
  std::optional<Digest> digest;
  DR_RETURN_IF_ERROR(Guarded("StateDigest", [&] {
    digest = component_.StateDigest();
    return absl::OkStatus();
  }));
  return digest;
}

absl::Status ComponentCallbacks::Reload(StateReader& state) {
  CallbackWatch::Inside inside(checkpoint_watch_, "LoadState");
  return Guarded("LoadState", [&] { return component_.LoadState(state); });
}

absl::StatusOr<StateCopy> ComponentCallbacks::CopyState() {
  CallbackWatch::Inside inside(checkpoint_watch_, "FreezeState or SaveState");
  DR_RETURN_IF_ERROR(health_.failure());
  StateCopy copy;
  DR_RETURN_IF_ERROR(Guarded("FreezeState", [&] {
    copy.view = component_.FreezeState();
    return absl::OkStatus();
  }));
  if (copy.view == nullptr) {
    Collector out(copy.records);
    DR_RETURN_IF_ERROR(Guarded("SaveState", [&] { return component_.SaveState(out); }));
  }
  DR_RETURN_IF_ERROR(health_.failure());  // it has taken too long
  return copy;
}

absl::Status ComponentCallbacks::WriteCopy(StateCopy& copy, StateWriter& out) {
  for (const std::string& record : copy.records) DR_RETURN_IF_ERROR(out.Write(record));
  if (copy.view == nullptr) return absl::OkStatus();
  ReaderLock lock(views_mutex_);
  DR_RETURN_IF_ERROR(health_.failure());
  CallbackWatch::Inside inside(checkpoint_watch_, "the frozen view");
  UnwatchedWriter unwatched(out, inside);
  DR_RETURN_IF_ERROR(Guarded("the frozen view", [&] { return copy.view(unwatched); }));
  return health_.failure();
}

}  // namespace dr::inline v0
