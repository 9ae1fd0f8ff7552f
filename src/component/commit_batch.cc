// Committing to several components at once.

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/component/commit.h"
#include "src/component/commit_call.h"

namespace dr::inline v0 {
namespace {

using Commits = std::span<const ComponentCommit>;
using Operations = std::vector<std::unique_ptr<PendingOperation>>;

Attachment& AttachmentOf(const ComponentCommit& commit) {
  return ComponentCore::Of(*commit.component).attachment();
}

// Each once, in the order of their ids, so that two batches cannot wait for each other.
absl::StatusOr<std::vector<ComponentCore*>> ComponentsOf(Commits commits) {
  std::vector<ComponentCore*> cores;
  for (const ComponentCommit& commit : commits) {
    if (commit.component == nullptr) {
      return MakeFault({.kind = FaultKind::kInvalid, .next = "name the component of each"},
                       "an operation of the batch has no component");
    }
    cores.push_back(&ComponentCore::Of(*commit.component));
  }
  if (cores.empty()) {
    return MakeFault({.kind = FaultKind::kInvalid, .next = "give at least one"}, "an empty batch");
  }
  std::sort(cores.begin(), cores.end(), [](auto* a, auto* b) { return a->id() < b->id(); });
  cores.erase(std::unique(cores.begin(), cores.end()), cores.end());
  return cores;
}

absl::Status EnterAll(const std::vector<ComponentCore*>& cores, const CommitOptions& options,
                      std::deque<CommitCall>& calls) {
  for (ComponentCore* core : cores) {
    const CommitCall& call = calls.emplace_back(*core);
    DR_RETURN_IF_ERROR(call.Check(options));
    if (&call.attachment().runtime() == &calls.front().attachment().runtime()) continue;
    return MakeFault(
        {.kind = FaultKind::kUsage, .place = core->id(), .next = "open one host for all"},
        fmt::format("component '{}' has another host", core->id()));
  }
  return absl::OkStatus();
}

// The last Lsn; nullopt: the log has no room now.
absl::StatusOr<std::optional<Lsn>> TryAppend(const std::vector<ComponentCore*>& cores,
                                             Commits commits, Operations& operations,
                                             LogAdmission& admission, const Context& context) {
  std::deque<CommitOrder::Hold> orders;
  for (ComponentCore* core : cores) {
    CommitOrder::Hold& order = orders.emplace_back(core->attachment().order());
    DR_RETURN_IF_ERROR(order.Acquire(context).status());
  }
  const std::optional<Lsn> last = admission.TryAppend();
  if (!last) return last;
  for (std::size_t i = 0; i < commits.size(); ++i) {
    const CommitOrder& order = AttachmentOf(commits[i]).order();
    std::find_if(orders.begin(), orders.end(), [&order](const CommitOrder::Hold& hold) {
      return &hold.order() == &order;
    })->Enqueue(std::move(operations[i]));
  }
  return last;
}

}  // namespace

absl::StatusOr<Lsn> CommitBatch(Commits commits, const CommitOptions& options) {
  bool taken = false;
  return WithinMemory(
      [&]() -> absl::StatusOr<Lsn> {
        DR_ASSIGN_OR_RETURN(const std::vector<ComponentCore*> cores, ComponentsOf(commits));
        std::deque<CommitCall> calls;
        DR_RETURN_IF_ERROR(EnterAll(cores, options, calls));
        Operations operations;
        std::vector<LogEntry*> entries;
        for (const ComponentCommit& commit : commits) {
          DR_ASSIGN_OR_RETURN(operations.emplace_back(),
                              AttachmentOf(commit).pool().Make(commit.payload, options));
          entries.push_back(&operations.back()->entry);
        }
        LogAdmission admission(calls.front().attachment().runtime().log, entries);
        DR_RETURN_IF_ERROR(admission.Admit(options.context));
        std::optional<Lsn> last;
        while (!last) {
          DR_ASSIGN_OR_RETURN(last,
                              TryAppend(cores, commits, operations, admission, options.context));
          if (!last) DR_RETURN_IF_ERROR(admission.AwaitRoom(options.context));
        }
        taken = true;
        // Each for its own last operation of the batch; those before are applied by then.
        for (std::size_t behind = 0; behind < commits.size(); ++behind) {
          Applier& applier = AttachmentOf(commits[commits.size() - 1 - behind]).applier();
          DR_RETURN_IF_ERROR(applier.AwaitApplied({last->value - behind}, options.context));
        }
        return *last;
      },
      &taken);
}

}  // namespace dr::inline v0
