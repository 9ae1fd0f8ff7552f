// Checkpoints of a component that goes on working: its state at one moment, and several components
// at one position; and the way back, another state in the place of the one it has.

#include <algorithm>
#include <deque>
#include <utility>

#include "dr/status.h"
#include "src/base/out_of_memory.h"
#include "src/base/status_macros.h"
#include "src/component/component_order.h"

namespace dr::inline v0 {

absl::StatusOr<ComponentCore::Frozen> ComponentCore::Freeze(std::optional<Lsn> previous,
                                                            const Context& context) {
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
  if (!LockStateShared(context)) {
    DR_RETURN_IF_ERROR(failure());
    return CheckContext(context, runtime.clock, "the state of component " + id_);
  }
  ReaderLock lock(state_mutex_, std::adopt_lock);
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
  DR_RETURN_IF_ERROR(failure());  // it has taken too long
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
  ReaderLock lock(views_mutex_);
  DR_RETURN_IF_ERROR(failure());
  CallbackWatch::Inside inside(checkpoint_watch_, "the frozen view");
  Outside outside(out, inside);
  DR_RETURN_IF_ERROR(Guarded("the frozen view", [&] { return frozen.view(outside); }));
  return failure();
}

// ---- All at one position ------------------------------------------------------------------------

ComponentCore::Cut::Cut(std::span<const FreezeRequest> requests, Lsn position, Instant since)
    : requests_(requests.begin(), requests.end()),
      position_(position),
      since_(since),
      frozen_(requests.size()) {}

std::optional<Lsn> ComponentCore::Cut::PreviousOf(const ComponentCore& component) const {
  const auto request = std::find_if(requests_.begin(), requests_.end(),
                                    [&](const auto& r) { return r.component == &component; });
  return request->previous;
}

void ComponentCore::Cut::Deliver(const ComponentCore& component, absl::StatusOr<Frozen> frozen) {
  if (frozen.ok()) {
    frozen->as_of = position_;
    frozen->pause = component.runtime_.load()->clock.Now() - since_;
  }
  MutexLock lock(mutex_);
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    if (requests_[i].component == &component) frozen_[i] = std::move(frozen);
  }
  delivered_.NotifyAll();
}

absl::StatusOr<std::vector<ComponentCore::Frozen>> ComponentCore::Cut::Gather(
    const Context& context) {
  std::vector<Frozen> all;
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    ComponentCore& component = *requests_[i].component;
    for (;;) {
      if (std::shared_ptr<Cut> cut = component.TakeCut(*this)) {
        component.FreezeFor(std::move(cut), context);
      }
      MutexLock lock(mutex_);
      if (frozen_[i].has_value()) {
        DR_ASSIGN_OR_RETURN(all.emplace_back(), *std::move(frozen_[i]));
        break;
      }
      DR_RETURN_IF_ERROR(component.failure());
      DR_RETURN_IF_ERROR(CheckContext(context, component.runtime_.load()->clock,
                                      "freezing component " + component.id_));
      component.WaitAWhile(delivered_, mutex_, context);
    }
  }
  return all;
}

void ComponentCore::Cut::End() {
  ended_.store(true);
  for (const FreezeRequest& request : requests_) {
    ComponentCore& component = *request.component;
    if (component.TakeCut(*this) == nullptr) continue;
    MutexLock lock(component.order_mutex_);
    component.order_held_ = false;
    component.order_changed_.NotifyAll();
  }
}

std::shared_ptr<ComponentCore::Cut> ComponentCore::TakeCut(const Cut& of) {
  MutexLock lock(order_mutex_);
  return cut_.get() == &of ? std::exchange(cut_, nullptr) : nullptr;
}

// The caller has taken `cut` away from this component. Where its context ends before there is an
// outcome, the cut is left to another.
void ComponentCore::FreezeFor(std::shared_ptr<Cut> cut, const Context& context) {
  const HoldingOrder holding;
  absl::StatusOr<Frozen> frozen =
      WithinMemory([&] { return Freeze(cut->PreviousOf(*this), context); });
  const bool late = !frozen.ok() && failure().ok() && HasEnded(context);
  if (!late) cut->Deliver(*this, std::move(frozen));
  MutexLock lock(order_mutex_);
  if (late && !cut->ended()) {
    cut_ = std::move(cut);
  } else {
    order_held_ = false;
  }
  order_changed_.NotifyAll();
}

absl::StatusOr<std::shared_ptr<ComponentCore::Cut>> ComponentCore::BeginCut(
    std::span<const FreezeRequest> requests, const Context& context) {
  const Runtime& runtime = *requests.front().component->runtime_.load();
  const Instant start = runtime.clock.Now();
  std::deque<OrderHold> orders;
  std::vector<Lsn> before;
  for (const FreezeRequest& request : requests) {
    DR_ASSIGN_OR_RETURN(before.emplace_back(),
                        orders.emplace_back(*request.component).Acquire(context));
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    DR_RETURN_IF_ERROR(requests[i].component->AwaitEarlier(before[i], context));
  }
  const auto cut = std::make_shared<Cut>(requests, runtime.log.last(), start);
  for (OrderHold& order : orders) order.HandOver(cut);
  return cut;
}

absl::StatusOr<std::vector<ComponentCore::Frozen>> ComponentCore::FreezeTogether(
    std::span<const FreezeRequest> requests, const Context& context) {
  if (requests.empty()) return std::vector<Frozen>();
  auto frozen = WithinMemory([&]() -> absl::StatusOr<std::vector<Frozen>> {
    DR_ASSIGN_OR_RETURN(const std::shared_ptr<Cut> cut, BeginCut(requests, context));
    absl::StatusOr<std::vector<Frozen>> gathered =
        WithinMemory([&] { return cut->Gather(context); });
    cut->End();
    return gathered;
  });
  for (const FreezeRequest& request : requests) request.component->NotifyDue();
  return frozen;
}

// ---- Back ---------------------------------------------------------------------------------------

absl::Status ComponentCore::Reload(StateReader& state, const Context& context) {
  Call call(*this);
  DR_RETURN_IF_ERROR(CheckCall(call, {.context = context}));
  OrderHold order(*this);
  DR_ASSIGN_OR_RETURN(const Lsn before, order.Acquire(context));
  DR_RETURN_IF_ERROR(AwaitEarlier(before, context));
  absl::Status loaded;
  {
    if (!LockState(context)) {
      DR_RETURN_IF_ERROR(failure());
      return CheckContext(context, call.runtime()->clock, "the state of component " + id_);
    }
    WriterLock lock(state_mutex_, std::adopt_lock);
    CallbackWatch::Inside inside(checkpoint_watch_, "LoadState");
    loaded = Guarded("LoadState", [&] { return component_.LoadState(state); });
    if (!loaded.ok()) MarkFailed(loaded);
  }
  if (!loaded.ok()) FailPending(loaded);
  return loaded;
}

}  // namespace dr::inline v0
