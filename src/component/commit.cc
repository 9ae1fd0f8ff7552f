#include "src/component/commit.h"

#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/base/out_of_memory.h"
#include "src/component/commit_call.h"

namespace dr::inline v0 {
namespace {

using Decision = absl::FunctionRef<absl::StatusOr<std::string>()>;

// No lock and no order is held while the log is waited for: it may be for a disk, and the log may
// call the observer.
absl::StatusOr<Lsn> Append(Attachment& to, std::unique_ptr<PendingOperation>& operation,
                           const Context& context) {
  LogEntry* const entries[] = {&operation->entry};
  LogAdmission admission(to.runtime().log, entries);
  DR_RETURN_IF_ERROR(admission.Admit(context));
  for (;;) {
    DR_ASSIGN_OR_RETURN(const std::optional<Lsn> lsn,
                        to.order().Append(operation, admission, context));
    if (lsn) return *lsn;
    DR_RETURN_IF_ERROR(admission.AwaitRoom(context));
  }
}

absl::StatusOr<std::string> Decide(const ComponentCore& core, Decision decide) {
  const DecideScope scope;
  try {
    return decide();
  } catch (const std::bad_alloc&) {
    throw;  // to CommitDecision, which has taken nothing yet
  } catch (...) {
    return MakeFault(
        {.kind = FaultKind::kInvalid, .place = core.id(), .next = "return an error instead"},
        "decide threw; nothing was committed");
  }
}

// nullopt: the log had no room, and was waited for without the order, so that the state may be
// another one now.
absl::StatusOr<std::optional<Lsn>> TryCommitDecision(ComponentCore& core, Decision decide,
                                                     const CommitOptions& options) {
  const Context at_once{.deadline = Instant::FromNanoseconds(0)};
  Attachment& to = core.attachment();
  std::unique_ptr<PendingOperation> operation;
  {
    CommitOrder::Hold order(to.order());
    DR_ASSIGN_OR_RETURN(const Lsn before, order.Acquire(options.context));
    DR_RETURN_IF_ERROR(to.applier().AwaitEarlier(before, options.context));
    DR_ASSIGN_OR_RETURN(const std::string decided, Decide(core, decide));
    DR_RETURN_IF_ERROR(core.callbacks().CheckStateLock());
    DR_ASSIGN_OR_RETURN(operation, to.pool().Make(decided, options));
    LogEntry* const entries[] = {&operation->entry};
    LogAdmission admission(to.runtime().log, entries);
    const absl::Status admitted = admission.Admit(at_once);
    if (!admitted.ok() && !absl::IsDeadlineExceeded(admitted)) return admitted;
    if (const std::optional<Lsn> lsn = admitted.ok() ? admission.TryAppend() : std::nullopt) {
      order.EnqueueBarrier(std::move(operation));
      return lsn;
    }
  }
  LogEntry* const entries[] = {&operation->entry};
  LogAdmission admission(to.runtime().log, entries);
  DR_RETURN_IF_ERROR(admission.Admit(options.context));
  DR_RETURN_IF_ERROR(admission.AwaitRoom(options.context));
  return std::optional<Lsn>();
}

}  // namespace

absl::StatusOr<Lsn> CommitOperation(ComponentCore& core, std::string_view payload,
                                    const CommitOptions& options) {
  const CommitCall call(core);
  bool taken = false;
  return WithinMemory(
      [&]() -> absl::StatusOr<Lsn> {
        DR_RETURN_IF_ERROR(call.Check(options));
        Attachment& to = call.attachment();
        DR_ASSIGN_OR_RETURN(std::unique_ptr<PendingOperation> operation,
                            to.pool().Make(payload, options));
        DR_ASSIGN_OR_RETURN(const Lsn lsn, Append(to, operation, options.context));
        taken = true;
        DR_RETURN_IF_ERROR(to.applier().AwaitApplied(lsn, options.context));
        return lsn;
      },
      &taken);
}

absl::StatusOr<Lsn> CommitDecision(ComponentCore& core, Decision decide,
                                   const CommitOptions& options) {
  const CommitCall call(core);
  bool taken = false;
  return WithinMemory(
      [&]() -> absl::StatusOr<Lsn> {
        DR_RETURN_IF_ERROR(call.Check(options));
        for (;;) {
          DR_ASSIGN_OR_RETURN(const std::optional<Lsn> lsn,
                              TryCommitDecision(core, decide, options));
          if (!lsn) continue;
          taken = true;
          DR_RETURN_IF_ERROR(call.attachment().applier().AwaitApplied(*lsn, options.context));
          return *lsn;
        }
      },
      &taken);
}

void CommitLater(ComponentCore& core, std::string_view payload, const CommitOptions& options,
                 absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done) {
  const CommitCall call(core);
  std::unique_ptr<Completion> completion;
  std::unique_ptr<PendingOperation> operation;
  absl::StatusOr<Lsn> appended = WithinMemory([&]() -> absl::StatusOr<Lsn> {
    if (call.has_host()) {
      completion = std::make_unique<Completion>();
      completion->done = std::move(done);
    }
    DR_RETURN_IF_ERROR(call.Check(options));
    DR_ASSIGN_OR_RETURN(operation, call.attachment().pool().Make(payload, options));
    operation->completion = std::move(completion);
    return Append(call.attachment(), operation, options.context);
  });
  if (appended.ok()) return call.attachment().runtime().completions.Wake();
  if (operation != nullptr) completion = std::move(operation->completion);
  // Without a host, or without memory for a place in its queue, there is only this thread.
  if (completion == nullptr) return Complete(std::move(done), std::move(appended));
  if (call.in_child()) return Complete(std::move(completion->done), std::move(appended));
  completion->result = std::move(appended);
  call.attachment().runtime().completions.Push(std::move(completion));
}

}  // namespace dr::inline v0
