// Committing: what can refuse an operation, its place in the order, and the wait for its
// application; and what else needs the order.

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/base/status_macros.h"
#include "src/runtime/callback_frame.h"
#include "src/runtime/component_core.h"

namespace dr::inline v0 {
namespace {

thread_local bool in_decide = false;

std::int64_t NowNs(const Clock& clock) { return absl::ToUnixNanos(clock.WallTime()); }

}  // namespace

// Counts its caller in, so that Close can wait for it.
class ComponentCore::Call {
 public:
  explicit Call(ComponentCore& core) : core_(core) {
    core_.inside_.fetch_add(1);
    runtime_ = core_.attached_.load() ? core_.runtime_.load() : nullptr;
  }
  ~Call() { core_.inside_.fetch_sub(1); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  /// Null: there is no host.
  Runtime* runtime() const { return runtime_; }

 private:
  ComponentCore& core_;
  Runtime* runtime_;
};

// A component's order, held: nobody else's operation of it gets a Lsn.
class ComponentCore::OrderHold {
 public:
  explicit OrderHold(ComponentCore& core) : core_(core) {}
  ~OrderHold() {
    MutexLock lock(core_.order_mutex_);
    if (!held_) return;
    core_.order_held_ = false;
    core_.order_changed_.NotifyAll();
  }
  OrderHold(const OrderHold&) = delete;
  OrderHold& operator=(const OrderHold&) = delete;

  /// Returns the component's last operation so far.
  absl::StatusOr<Lsn> Acquire(const Context& context) {
    MutexLock lock(core_.order_mutex_);
    DR_RETURN_IF_ERROR(core_.AwaitOrder(context));
    held_ = core_.order_held_ = true;
    return core_.last_;
  }
  /// Nothing follows this operation before it is applied.
  void EnqueueBarrier(std::unique_ptr<PendingOperation> operation) {
    MutexLock lock(core_.order_mutex_);
    core_.Enqueue(std::move(operation));
    core_.barrier_ = core_.last_;
  }
  void Enqueue(std::unique_ptr<PendingOperation> operation) {
    MutexLock lock(core_.order_mutex_);
    core_.Enqueue(std::move(operation));
  }
  const ComponentCore& core() const { return core_; }

 private:
  ComponentCore& core_;
  bool held_ = false;
};

// ---- Before the order ---------------------------------------------------------------------------

absl::Status ComponentCore::CheckCall(const Call& call, const CommitOptions& options) const {
  if (call.runtime() == nullptr) {
    return MakeFault({.kind = FaultKind::kUsage, .place = id_, .next = "open a host first"},
                     fmt::format("component '{}' has no host", id_));
  }
  // Before any lock: another thread may have held it at the fork.
  if (call.runtime()->fork_guard.InChild()) {
    return MakeFault(
        {.kind = FaultKind::kPoisoned, .place = id_, .next = "commit in the parent only"},
        "this process was forked from the one that has the host");
  }
  call.runtime()->bell.RingIfArmed();
  if (CallbackFrame* frame = CallbackFrame::Current(); frame != nullptr) {
    frame->reentered = true;
    const std::string& culprit = frame->component->id_;
    return MakeFault(
        {.kind = FaultKind::kUsage,
         .place = culprit,
         .next = "commit after the callback has returned"},
        fmt::format("component '{}' committed from inside one of its callbacks", culprit));
  }
  if (in_decide) {
    return MakeFault({.kind = FaultKind::kUsage,
                      .place = id_,
                      .next = "return the operation from decide instead"},
                     "a commit from inside CommitIf's decide");
  }
  if (options.durability == Durability::kRemote) {
    return MakeFault({.kind = FaultKind::kUsage,
                      .place = id_,
                      .next = "use kLocal until the host has a repository"},
                     "kRemote needs a repository");
  }
  if (options.durability > call.runtime()->durability_max) {
    return MakeFault({.kind = FaultKind::kUsage,
                      .place = id_,
                      .next = "use kProcess, or open the host with a directory"},
                     "kLocal needs a log on a disk, and this host has none");
  }
  if (options.kind == OperationKind::kMarker) {
    return MakeFault({.kind = FaultKind::kInvalid, .place = id_, .next = "use another kind"},
                     "kMarker is dr's own");
  }
  if (failed_.load(std::memory_order_acquire)) return failure();
  return CheckContext(options.context, call.runtime()->clock, "the commit");
}

absl::StatusOr<std::unique_ptr<PendingOperation>> ComponentCore::NewOperation(
    std::string_view payload, const CommitOptions& options) {
  // Before it is copied: what is too long may be too long for the memory, too.
  DR_RETURN_IF_ERROR(CheckRecord({.subject = options.subject, .payload = payload}));
  std::unique_ptr<PendingOperation> operation;
  {
    MutexLock lock(order_mutex_);
    operation = spare_.Pop();
  }
  if (operation == nullptr) operation = std::make_unique<PendingOperation>();
  Runtime& runtime = *runtime_.load();
  operation->payload.assign(payload);
  operation->subject.assign(options.subject);
  operation->durability = options.durability.value_or(runtime.durability);
  operation->entry.record = {.kind = options.kind,
                             .component = id_,
                             .schema_name = schema_.name,
                             .schema_version = schema_.version,
                             .subject = operation->subject,
                             .time_ns = NowNs(runtime.clock),
                             .payload = operation->payload};
  return operation;
}

// ---- The order ----------------------------------------------------------------------------------

// Waits until nobody holds the order. Helps whoever's operation it waits for to get applied, since
// that caller may have given up waiting.
absl::Status ComponentCore::AwaitOrder(const Context& context) {
  const Clock& clock = runtime_.load()->clock;
  for (;;) {
    if (failed_.load(std::memory_order_acquire)) return failure();
    if (order_held_) {
      DR_RETURN_IF_ERROR(CheckContext(context, clock, "the order of component " + id_));
      order_changed_.WaitFor(order_mutex_, std::chrono::milliseconds(50));
    } else if (barrier_ > applied()) {
      const Lsn barrier = barrier_;
      order_mutex_.unlock();
      absl::Status applied = AwaitEarlier(barrier, context);
      order_mutex_.lock();
      DR_RETURN_IF_ERROR(applied);
    } else {
      return absl::OkStatus();
    }
  }
}

// For a caller whose own operation has no Lsn yet: there is nothing unknown about its outcome.
absl::Status ComponentCore::AwaitEarlier(Lsn lsn, const Context& context) {
  absl::Status applied = AwaitApplied(lsn, context);
  if (!absl::IsUnknown(applied)) return applied;
  DR_RETURN_IF_ERROR(CheckContext(context, runtime_.load()->clock,
                                  fmt::format("earlier operations of component {}", id_)));
  return MakeFault({.kind = FaultKind::kDeadline, .place = id_, .next = "try again"},
                   "earlier operations are not applied yet");
}

void ComponentCore::Enqueue(std::unique_ptr<PendingOperation> operation) noexcept {
  last_ = operation->entry.record.lsn;
  if (operation->durability != Durability::kProcess) last_local_ = last_;
  pending_.Push(std::move(operation));
  pending_count_.store(pending_.size(), std::memory_order_relaxed);
}

// ---- The calls ----------------------------------------------------------------------------------

absl::StatusOr<Lsn> ComponentCore::Commit(std::string_view payload, const CommitOptions& options) {
  Call call(*this);
  bool taken = false;
  return WithinMemory(
      [&]() -> absl::StatusOr<Lsn> {
        DR_RETURN_IF_ERROR(CheckCall(call, options));
        DR_ASSIGN_OR_RETURN(std::unique_ptr<PendingOperation> operation,
                            NewOperation(payload, options));
        Lsn lsn;
        {
          MutexLock lock(order_mutex_);
          DR_RETURN_IF_ERROR(AwaitOrder(options.context));
          DR_ASSIGN_OR_RETURN(lsn, call.runtime()->log.Append(operation->entry, options.context));
          taken = true;
          Enqueue(std::move(operation));
        }
        DR_RETURN_IF_ERROR(AwaitApplied(lsn, options.context));
        return lsn;
      },
      &taken);
}

absl::StatusOr<Lsn> ComponentCore::CommitIf(absl::FunctionRef<absl::StatusOr<std::string>()> decide,
                                            const CommitOptions& options) {
  Call call(*this);
  bool taken = false;
  return WithinMemory(
      [&]() -> absl::StatusOr<Lsn> {
        DR_RETURN_IF_ERROR(CheckCall(call, options));
        Lsn lsn;
        {
          OrderHold order(*this);
          DR_ASSIGN_OR_RETURN(const Lsn before, order.Acquire(options.context));
          DR_RETURN_IF_ERROR(AwaitEarlier(before, options.context));
          DR_ASSIGN_OR_RETURN(const std::string decided, Decide(decide));
          DR_ASSIGN_OR_RETURN(std::unique_ptr<PendingOperation> operation,
                              NewOperation(decided, options));
          DR_ASSIGN_OR_RETURN(lsn, call.runtime()->log.Append(operation->entry, options.context));
          taken = true;
          order.EnqueueBarrier(std::move(operation));
        }
        DR_RETURN_IF_ERROR(AwaitApplied(lsn, options.context));
        return lsn;
      },
      &taken);
}

absl::StatusOr<std::string> ComponentCore::Decide(
    absl::FunctionRef<absl::StatusOr<std::string>()> decide) const {
  struct Scope {
    Scope() { in_decide = true; }
    ~Scope() { in_decide = false; }
  } scope;
  try {
    return decide();
  } catch (const std::bad_alloc&) {
    throw;  // to CommitIf, which has taken nothing yet
  } catch (...) {
    return MakeFault({.kind = FaultKind::kInvalid, .place = id_, .next = "return an error instead"},
                     "decide threw; nothing was committed");
  }
}

void ComponentCore::CommitAsync(std::string payload, const CommitOptions& options,
                                absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done) {
  Call call(*this);
  std::unique_ptr<Completion> completion;
  absl::StatusOr<Lsn> appended = WithinMemory([&]() -> absl::StatusOr<Lsn> {
    if (call.runtime() != nullptr) completion = std::make_unique<Completion>();
    DR_RETURN_IF_ERROR(CheckCall(call, options));
    DR_ASSIGN_OR_RETURN(std::unique_ptr<PendingOperation> operation,
                        NewOperation(payload, options));
    MutexLock lock(order_mutex_);
    DR_RETURN_IF_ERROR(AwaitOrder(options.context));
    DR_ASSIGN_OR_RETURN(Lsn lsn, call.runtime()->log.Append(operation->entry, options.context));
    completion->done = std::move(done);
    operation->completion = std::move(completion);
    Enqueue(std::move(operation));
    return lsn;
  });
  if (appended.ok()) return call.runtime()->completions.Wake();
  // Without a host, or without memory for a place in its queue, there is only this thread.
  if (completion == nullptr || call.runtime()->fork_guard.InChild()) {
    return Tell(std::move(done), std::move(appended));
  }
  completion->done = std::move(done);
  completion->result = std::move(appended);
  call.runtime()->completions.Push(std::move(completion));
}

absl::StatusOr<Lsn> ComponentCore::CommitAll(std::span<const ComponentCommit> commits,
                                             const CommitOptions& options) {
  bool taken = false;
  return WithinMemory(
      [&]() -> absl::StatusOr<Lsn> {
        std::vector<ComponentCore*> cores;
        for (const ComponentCommit& commit : commits) {
          if (commit.component == nullptr) {
            return MakeFault({.kind = FaultKind::kInvalid, .next = "name the component of each"},
                             "an operation of the batch has no component");
          }
          cores.push_back(&Of(*commit.component));
        }
        std::sort(cores.begin(), cores.end(), [](auto* a, auto* b) { return a->id_ < b->id_; });
        cores.erase(std::unique(cores.begin(), cores.end()), cores.end());
        if (cores.empty()) {
          return MakeFault({.kind = FaultKind::kInvalid, .next = "give at least one"},
                           "an empty batch");
        }
        std::deque<Call> calls;
        for (ComponentCore* core : cores) {
          calls.emplace_back(*core);
          DR_RETURN_IF_ERROR(core->CheckCall(calls.back(), options));
          if (calls.back().runtime() != calls.front().runtime()) {
            return MakeFault(
                {.kind = FaultKind::kUsage, .place = core->id_, .next = "open one host for all"},
                fmt::format("component '{}' has another host", core->id_));
          }
        }
        std::vector<std::unique_ptr<PendingOperation>> operations;
        std::vector<LogEntry*> entries;
        for (const ComponentCommit& commit : commits) {
          DR_ASSIGN_OR_RETURN(operations.emplace_back(),
                              Of(*commit.component).NewOperation(commit.payload, options));
          entries.push_back(&operations.back()->entry);
        }
        Lsn last;
        {
          // In the order of their ids, so that two batches cannot wait for each other.
          std::deque<OrderHold> orders;
          for (ComponentCore* core : cores) {
            DR_RETURN_IF_ERROR(orders.emplace_back(*core).Acquire(options.context).status());
          }
          DR_ASSIGN_OR_RETURN(last,
                              calls.front().runtime()->log.AppendBatch(entries, options.context));
          taken = true;
          for (std::size_t i = 0; i < commits.size(); ++i) {
            const ComponentCore& core = Of(*commits[i].component);
            std::find_if(orders.begin(), orders.end(), [&core](const OrderHold& order) {
              return &order.core() == &core;
            })->Enqueue(std::move(operations[i]));
          }
        }
        for (ComponentCore* core : cores)
          DR_RETURN_IF_ERROR(core->AwaitApplied(last, options.context));
        return last;
      },
      &taken);
}

// ---- What else needs the order ------------------------------------------------------------------

absl::StatusOr<std::vector<ComponentCore::Frozen>> ComponentCore::FreezeTogether(
    std::span<const FreezeRequest> requests, const Context& context) {
  if (requests.empty()) return std::vector<Frozen>();
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
  const Lsn cut = runtime.log.last();
  std::vector<Frozen> frozen;
  for (const FreezeRequest& request : requests) {
    DR_ASSIGN_OR_RETURN(frozen.emplace_back(), request.component->Freeze(request.previous));
    orders.pop_front();  // what comes now is behind the cut
    frozen.back().as_of = cut;
    frozen.back().pause = runtime.clock.Now() - start;
  }
  return frozen;
}

absl::Status ComponentCore::Reload(StateReader& state, const Context& context) {
  Call call(*this);
  DR_RETURN_IF_ERROR(CheckCall(call, {.context = context}));
  OrderHold order(*this);
  DR_ASSIGN_OR_RETURN(const Lsn before, order.Acquire(context));
  DR_RETURN_IF_ERROR(AwaitEarlier(before, context));
  absl::Status loaded;
  {
    WriterLock lock(state_mutex_);
    CallbackWatch::Inside inside(checkpoint_watch_, "LoadState");
    loaded = Guarded("LoadState", [&] { return component_.LoadState(state); });
    if (!loaded.ok()) MarkFailed(loaded);
  }
  if (!loaded.ok()) AnnounceFailure(loaded);
  return loaded;
}

}  // namespace dr::inline v0
