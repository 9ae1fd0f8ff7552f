// Callbacks, recovery, attachment and checkpoints of a component.

#include "src/runtime/component_core.h"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/base/status_macros.h"
#include "src/runtime/callback_frame.h"

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

absl::Status ComponentCore::RegisterUpgrades(RestoreRegistry& upgrades) {
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
  ReaderLock lock(state_mutex_);
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
  attached_.store(true);
}

absl::Status ComponentCore::Close(const Context& context) {
  attached_.store(false);
  const Runtime* runtime = runtime_.load();
  if (runtime == nullptr) return absl::OkStatus();  // Open failed before it was attached
  if (runtime->fork_guard.InChild()) return absl::OkStatus();
  while (inside_.load() != 0) {
    DR_RETURN_IF_ERROR(CheckContext(context, runtime->clock, "callers of " + id_));
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  return absl::OkStatus();
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
}

// ---- Checkpoints --------------------------------------------------------------------------------

absl::StatusOr<ComponentCore::Frozen> ComponentCore::Freeze(std::optional<Lsn> previous) {
  struct Collector : StateWriter {
    std::vector<std::string>& records;
    explicit Collector(std::vector<std::string>& to) : records(to) {}
    absl::Status Write(std::string_view record) override {
      records.emplace_back(record);
      return absl::OkStatus();
    }
  };
  const Runtime& runtime = *runtime_.load();
  Frozen frozen;
  {
    // Unless somebody holds the order, nothing of this component gets a Lsn here, so all up to the
    // log's end is either applied or pending.
    MutexLock lock(order_mutex_);
    const bool at_rest = !order_held_ && pending_.empty() && last_ <= applied();
    // Never behind what was recovered: a component retired then is not given the end of its log
    // later.
    frozen.as_of = at_rest ? runtime.log.last() : std::max(applied(), recovered_);
    frozen.changed = !previous.has_value() || applied() > *previous;
    if (!frozen.changed) frozen.as_of = std::max(frozen.as_of, *previous);
  }
  if (!frozen.changed) return frozen;
  ReaderLock lock(state_mutex_);
  CallbackWatch::Inside inside(checkpoint_watch_, "FreezeState or SaveState");
  const Instant start = runtime.clock.Now();
  DR_RETURN_IF_ERROR(failure());  // an Apply that failed has left half an operation here
  // More may have been applied by now; never less.
  frozen.as_of = std::max(frozen.as_of, applied());
  absl::Status status = Guarded("FreezeState", [&] {
    frozen.view = component_.FreezeState();
    return absl::OkStatus();
  });
  if (status.ok() && frozen.view == nullptr) {
    Collector out(frozen.records);
    status = Guarded("SaveState", [&] { return component_.SaveState(out); });
  }
  frozen.pause = runtime.clock.Now() - start;
  DR_RETURN_IF_ERROR(status);
  return frozen;
}

absl::Status ComponentCore::SaveFrozen(Frozen& frozen, StateWriter& out) {
  // How long the store takes, and how long the disk is left to commits, is not the view's doing.
  struct Outside : StateWriter {
    StateWriter& out;
    CallbackWatch::Inside& inside;
    Outside(StateWriter& to, CallbackWatch::Inside& from) : out(to), inside(from) {}
    absl::Status Write(std::string_view record) override {
      inside.Leave();
      absl::Status written = out.Write(record);
      inside.Enter();
      return written;
    }
  };
  for (const std::string& record : frozen.records) DR_RETURN_IF_ERROR(out.Write(record));
  if (frozen.view == nullptr) return absl::OkStatus();
  CallbackWatch::Inside inside(checkpoint_watch_, "the frozen view");
  Outside outside(out, inside);
  return Guarded("the frozen view", [&] { return frozen.view(outside); });
}

// ---- Figures ------------------------------------------------------------------------------------

absl::Status ComponentCore::failure() const {
  MutexLock lock(apply_mutex_);
  return failure_;
}

}  // namespace dr::inline v0
