// Committing: what can refuse an operation, its place in the log, and the wait for its application.

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "dr/batch.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/base/status_macros.h"
#include "src/component/callback_frame.h"
#include "src/component/component_order.h"

namespace dr::inline v0 {
namespace {

thread_local bool in_decide = false;

std::int64_t NowNs(const Clock& clock) { return absl::ToUnixNanos(clock.WallTime()); }

// Entries whose space in the log is settled; it is given back unless they get their Lsns.
class Admission {
 public:
  Admission(OperationLog& log, std::span<LogEntry* const> entries) : log_(log), entries_(entries) {}
  ~Admission() {
    if (admitted_) log_.Withdraw(entries_);
  }
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  absl::Status Admit(const Context& context) {
    absl::Status admitted = log_.Admit(entries_, context);
    admitted_ = admitted.ok();
    return admitted;
  }
  /// nullopt: the log has no room for them now, which AwaitRoom waits for.
  std::optional<Lsn> TryAppend() {
    const std::optional<Lsn> lsn = log_.TryAppend(entries_);
    if (lsn) admitted_ = false;
    return lsn;
  }
  absl::Status AwaitRoom(const Context& context) const {
    return log_.AwaitRoom(entries_.size(), context);
  }

 private:
  OperationLog& log_;
  const std::span<LogEntry* const> entries_;
  bool admitted_ = false;
};

}  // namespace

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
  DR_RETURN_IF_ERROR(CheckStateLock());
  if (failed_.load(std::memory_order_acquire)) return failure();
  return CheckContext(options.context, call.runtime()->clock, "the commit");
}

// Applying needs the state's lock alone, so a thread that has it would wait for itself.
absl::Status ComponentCore::CheckStateLock() const {
  if (!state_mutex_.HeldByThisThread()) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kUsage,
                    .place = id_,
                    .next = "give the lock of state_mutex() back before committing"},
                   fmt::format("this thread has the state lock of component '{}'", id_));
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

// ---- The calls ----------------------------------------------------------------------------------

// No lock and no order is held while the log is waited for: it may be for a disk, and the log may
// call the observer.
absl::StatusOr<Lsn> ComponentCore::Append(std::unique_ptr<PendingOperation>& operation,
                                          const Context& context) {
  LogEntry* const entries[] = {&operation->entry};
  Admission admission(runtime_.load()->log, entries);
  DR_RETURN_IF_ERROR(admission.Admit(context));
  for (;;) {
    {
      MutexLock lock(order_mutex_);
      DR_RETURN_IF_ERROR(AwaitOrder(context));
      if (const std::optional<Lsn> lsn = admission.TryAppend()) {
        Enqueue(std::move(operation));
        return *lsn;
      }
    }
    DR_RETURN_IF_ERROR(admission.AwaitRoom(context));
  }
}

absl::StatusOr<Lsn> ComponentCore::Commit(std::string_view payload, const CommitOptions& options) {
  Call call(*this);
  bool taken = false;
  return WithinMemory(
      [&]() -> absl::StatusOr<Lsn> {
        DR_RETURN_IF_ERROR(CheckCall(call, options));
        DR_ASSIGN_OR_RETURN(std::unique_ptr<PendingOperation> operation,
                            NewOperation(payload, options));
        DR_ASSIGN_OR_RETURN(const Lsn lsn, Append(operation, options.context));
        taken = true;
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
        for (;;) {
          DR_ASSIGN_OR_RETURN(const std::optional<Lsn> lsn, TryCommitIf(decide, options));
          if (!lsn) continue;
          taken = true;
          DR_RETURN_IF_ERROR(AwaitApplied(*lsn, options.context));
          return *lsn;
        }
      },
      &taken);
}

// nullopt: the log had no room, and was waited for without the order, so that the state may be
// another one now.
absl::StatusOr<std::optional<Lsn>> ComponentCore::TryCommitIf(
    absl::FunctionRef<absl::StatusOr<std::string>()> decide, const CommitOptions& options) {
  const Context at_once{.deadline = Instant::FromNanoseconds(0)};
  std::unique_ptr<PendingOperation> operation;
  OperationLog& log = runtime_.load()->log;
  {
    OrderHold order(*this);
    DR_ASSIGN_OR_RETURN(const Lsn before, order.Acquire(options.context));
    DR_RETURN_IF_ERROR(AwaitEarlier(before, options.context));
    DR_ASSIGN_OR_RETURN(const std::string decided, Decide(decide));
    DR_RETURN_IF_ERROR(CheckStateLock());
    DR_ASSIGN_OR_RETURN(operation, NewOperation(decided, options));
    LogEntry* const entries[] = {&operation->entry};
    Admission admission(log, entries);
    const absl::Status admitted = admission.Admit(at_once);
    if (!admitted.ok() && !absl::IsDeadlineExceeded(admitted)) return admitted;
    if (const std::optional<Lsn> lsn = admitted.ok() ? admission.TryAppend() : std::nullopt) {
      order.EnqueueBarrier(std::move(operation));
      return lsn;
    }
  }
  LogEntry* const entries[] = {&operation->entry};
  Admission admission(log, entries);
  DR_RETURN_IF_ERROR(admission.Admit(options.context));
  DR_RETURN_IF_ERROR(admission.AwaitRoom(options.context));
  return std::optional<Lsn>();
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
    completion->done = std::move(done);
    operation->completion = std::move(completion);
    absl::StatusOr<Lsn> lsn = WithinMemory([&] { return Append(operation, options.context); });
    if (!lsn.ok()) {
      completion = std::move(operation->completion);
      done = std::move(completion->done);
    }
    return lsn;
  });
  if (appended.ok()) return call.runtime()->completions.Wake();
  // Without a host, or without memory for a place in its queue, there is only this thread.
  if (completion == nullptr || call.runtime()->fork_guard.InChild()) {
    return Complete(std::move(done), std::move(appended));
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
        Admission admission(calls.front().runtime()->log, entries);
        DR_RETURN_IF_ERROR(admission.Admit(options.context));
        std::optional<Lsn> last;
        for (;;) {
          {
            // In the order of their ids, so that two batches cannot wait for each other.
            std::deque<OrderHold> orders;
            for (ComponentCore* core : cores) {
              DR_RETURN_IF_ERROR(orders.emplace_back(*core).Acquire(options.context).status());
            }
            if (last = admission.TryAppend(); last.has_value()) {
              taken = true;
              for (std::size_t i = 0; i < commits.size(); ++i) {
                const ComponentCore& core = Of(*commits[i].component);
                std::find_if(orders.begin(), orders.end(), [&core](const OrderHold& order) {
                  return &order.core() == &core;
                })->Enqueue(std::move(operations[i]));
              }
              break;
            }
          }
          DR_RETURN_IF_ERROR(admission.AwaitRoom(options.context));
        }
        // Each for its own last operation of the batch; those before are applied by then.
        for (std::size_t behind = 0; behind < commits.size(); ++behind) {
          ComponentCore& core = Of(*commits[commits.size() - 1 - behind].component);
          DR_RETURN_IF_ERROR(core.AwaitApplied({last->value - behind}, options.context));
        }
        return *last;
      },
      &taken);
}

}  // namespace dr::inline v0
