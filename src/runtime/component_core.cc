#include "src/runtime/component_core.h"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"

namespace dr::inline v0 {
namespace {

// The component whose callback runs on this thread: a call into dr from there is its mistake.
thread_local const ComponentCore* in_callback = nullptr;
thread_local bool in_decide = false;

std::int64_t NowNs(const Clock& clock) { return absl::ToUnixNanos(clock.WallTime()); }

}  // namespace

// ---- Callbacks ----------------------------------------------------------------------------------

absl::Status ComponentCore::Blame(std::string_view callback, std::string_view what) const {
  return MakeFault({.kind = FaultKind::kComponent,
                    .place = id_,
                    .next = "mend the component and open the host again; its log is safe"},
                   fmt::format("component '{}' failed in {}: {}", id_, callback, what));
}

absl::Status ComponentCore::Guarded(std::string_view name,
                                    absl::FunctionRef<absl::Status()> callback) const {
  const ComponentCore* outer = std::exchange(in_callback, this);
  reentered_ = false;
  absl::Status status;
  try {
    status = callback();
  } catch (const std::exception& error) {
    status = Blame(name, fmt::format("it threw \"{}\"", error.what()));
  } catch (...) {
    status = Blame(name, "it threw something that is not a std::exception");
  }
  in_callback = outer;
  if (reentered_) return Blame(name, "it called back into dr");
  if (status.ok() || FaultOf(status)) return status;
  return Blame(name, AsStd(status.message()));
}

ComponentCore::ComponentCore(StatefulComponent& component, std::string id, Schema schema)
    : component_(component), id_(std::move(id)), schema_(std::move(schema)) {}

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

std::optional<Digest> ComponentCore::StateDigest() const {
  ReaderLock lock(state_mutex_);
  std::optional<Digest> digest;
  static_cast<void>(Guarded("StateDigest", [&] {
    digest = component_.StateDigest();
    return absl::OkStatus();
  }));
  return digest;
}

absl::Status ComponentCore::ApplyOne(const RecordView& record, std::string_view payload) {
  const Operation operation{record.lsn, record.kind, id_, schema_,
                            absl::FromUnixNanos(record.time_ns), payload};
  return Guarded("Apply", [&] { return component_.Apply(operation); });
}

absl::Status ComponentCore::Replay(const RecordView& record, std::string_view payload) {
  WriterLock lock(state_mutex_);
  DR_RETURN_IF_ERROR(ApplyOne(record, payload));
  applied_.store(record.lsn.value, std::memory_order_release);
  return absl::OkStatus();
}

// ---- Life ---------------------------------------------------------------------------------------

// Counts its caller in, so that Detach can wait for it.
class ComponentCore::Entry {
 public:
  explicit Entry(ComponentCore& core) : core_(core) {
    core_.inside_.fetch_add(1);
    runtime_ = core_.attached_.load() ? core_.runtime_.load() : nullptr;
  }
  ~Entry() {
    core_.inside_.fetch_sub(1);
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  Runtime* runtime() const { return runtime_; }

 private:
  ComponentCore& core_;
  Runtime* runtime_;
};

absl::Status ComponentCore::Claim() {
  if (!claimed_.exchange(true)) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kUsage, .place = id_,
                    .next = "make a new instance for every Host::Open"},
                   fmt::format("component '{}' was given to a host before", id_));
}

void ComponentCore::Attach(Runtime& runtime) {
  {
    MutexLock lock(order_mutex_);
    last_ = barrier_ = last_local_ = applied();
  }
  runtime_.store(&runtime);
  attached_.store(true);
}

absl::Status ComponentCore::Close(const Context& context) {
  attached_.store(false);
  while (inside_.load() != 0) {
    DR_RETURN_IF_ERROR(CheckContext(context, runtime_.load()->clock, "callers of " + id_));
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  return absl::OkStatus();
}

void ComponentCore::Detach(const absl::Status& why) { FailPending(why); }

absl::Status ComponentCore::CheckCall(const Entry& entry, const CommitOptions& options) {
  if (entry.runtime() == nullptr) {
    return MakeFault({.kind = FaultKind::kUsage, .place = id_, .next = "open a host first"},
                     fmt::format("component '{}' has no host", id_));
  }
  if (in_callback != nullptr) {
    in_callback->reentered_ = true;
    return MakeFault({.kind = FaultKind::kUsage, .place = in_callback->id_,
                      .next = "commit after the callback has returned"},
                     fmt::format("component '{}' committed from inside one of its callbacks",
                                 in_callback->id_));
  }
  if (in_decide) {
    return MakeFault({.kind = FaultKind::kUsage, .place = id_,
                      .next = "return the operation from decide instead"},
                     "a commit from inside CommitIf's decide");
  }
  if (options.durability == Durability::kRemote) {
    return MakeFault({.kind = FaultKind::kUsage, .place = id_,
                      .next = "use kLocal until the host has a repository"},
                     "kRemote needs a repository");
  }
  if (options.kind == OperationKind::kMarker) {
    return MakeFault({.kind = FaultKind::kInvalid, .place = id_, .next = "use another kind"},
                     "kMarker is dr's own");
  }
  if (failed_.load(std::memory_order_acquire)) return failure();
  return CheckContext(options.context, entry.runtime()->clock, "the commit");
}

absl::Status ComponentCore::failure() const {
  MutexLock lock(apply_mutex_);
  return failure_;
}

std::uint64_t ComponentCore::pending_count() const {
  MutexLock lock(order_mutex_);
  return pending_.size();
}

// ---- Order --------------------------------------------------------------------------------------

std::unique_ptr<PendingOperation> ComponentCore::NewOperation(std::string_view payload,
                                                              const CommitOptions& options) {
  std::unique_ptr<PendingOperation> operation;
  {
    MutexLock lock(order_mutex_);
    if (!spare_.empty()) {
      operation = std::move(spare_.front());
      spare_.pop_front();
    }
  }
  if (operation == nullptr) operation = std::make_unique<PendingOperation>();
  Runtime& runtime = *runtime_.load();
  operation->payload.assign(payload);
  operation->subject.assign(options.subject);
  operation->durability = options.durability.value_or(runtime.durability);
  operation->done = nullptr;
  operation->entry.record = {.kind = options.kind,
                             .component = id_,
                             .schema_name = schema_.name,
                             .schema_version = schema_.version,
                             .subject = operation->subject,
                             .time_ns = NowNs(runtime.clock),
                             .payload = operation->payload};
  return operation;
}

// Waits until nobody holds the order. Helps whoever holds it to get applied, since that caller may
// have given up waiting.
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
      absl::Status applied = AwaitApplied(barrier, context);
      order_mutex_.lock();
      DR_RETURN_IF_ERROR(applied);
    } else {
      return absl::OkStatus();
    }
  }
}

void ComponentCore::Enqueue(std::unique_ptr<PendingOperation> operation) {
  last_ = operation->entry.record.lsn;
  if (operation->durability != Durability::kProcess) last_local_ = last_;
  pending_.push_back(std::move(operation));
}

absl::StatusOr<Lsn> ComponentCore::Append(std::unique_ptr<PendingOperation> operation,
                                          const Context& context) {
  DR_ASSIGN_OR_RETURN(Lsn lsn, runtime_.load()->log.Append(operation->entry, context));
  Enqueue(std::move(operation));
  return lsn;
}

absl::StatusOr<Lsn> ComponentCore::Commit(std::string_view payload, const CommitOptions& options) {
  Entry entry(*this);
  DR_RETURN_IF_ERROR(CheckCall(entry, options));
  std::unique_ptr<PendingOperation> operation = NewOperation(payload, options);
  Lsn lsn;
  {
    MutexLock lock(order_mutex_);
    DR_RETURN_IF_ERROR(AwaitOrder(options.context));
    DR_ASSIGN_OR_RETURN(lsn, Append(std::move(operation), options.context));
  }
  DR_RETURN_IF_ERROR(AwaitApplied(lsn, options.context));
  return lsn;
}

absl::StatusOr<Lsn> ComponentCore::CommitIf(
    absl::FunctionRef<absl::StatusOr<std::string>()> decide, const CommitOptions& options) {
  Entry entry(*this);
  DR_RETURN_IF_ERROR(CheckCall(entry, options));
  Lsn before;
  {
    MutexLock lock(order_mutex_);
    DR_RETURN_IF_ERROR(AwaitOrder(options.context));
    order_held_ = true;
    before = last_;
  }
  absl::StatusOr<std::string> decided = Decide(before, decide, options.context);
  std::unique_ptr<PendingOperation> operation;
  if (decided.ok()) operation = NewOperation(*decided, options);
  absl::StatusOr<Lsn> lsn = Lsn{};
  {
    MutexLock lock(order_mutex_);
    lsn = decided.ok() ? Append(std::move(operation), options.context)
                       : absl::StatusOr<Lsn>(decided.status());
    if (lsn.ok()) barrier_ = *lsn;
    order_held_ = false;
    order_changed_.NotifyAll();
  }
  if (lsn.ok()) DR_RETURN_IF_ERROR(AwaitApplied(*lsn, options.context));
  return lsn;
}

absl::StatusOr<std::string> ComponentCore::Decide(
    Lsn before, absl::FunctionRef<absl::StatusOr<std::string>()> decide, const Context& context) {
  DR_RETURN_IF_ERROR(AwaitApplied(before, context));
  in_decide = true;
  absl::StatusOr<std::string> decided;
  try {
    decided = decide();
  } catch (...) {
    decided = MakeFault({.kind = FaultKind::kInvalid, .place = id_, .next = "return an error instead"},
                        "decide threw; nothing was committed");
  }
  in_decide = false;
  return decided;
}

void ComponentCore::CommitAsync(std::string payload, const CommitOptions& options,
                                absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done) {
  Entry entry(*this);
  absl::Status refused = CheckCall(entry, options);
  if (entry.runtime() == nullptr) return std::move(done)(refused);
  CompletionQueue& completions = entry.runtime()->completions;
  if (refused.ok()) {
    std::unique_ptr<PendingOperation> operation = NewOperation(payload, options);
    operation->done = std::move(done);
    MutexLock lock(order_mutex_);
    refused = AwaitOrder(options.context);
    if (refused.ok()) refused = entry.runtime()->log.Append(operation->entry, options.context).status();
    if (refused.ok()) {
      Enqueue(std::move(operation));
    } else {
      done = std::move(operation->done);
    }
  }
  if (refused.ok()) return completions.Wake();
  completions.Push([done = std::move(done), refused]() mutable { std::move(done)(refused); });
}

absl::StatusOr<Lsn> ComponentCore::CommitAll(std::span<const ComponentCommit> commits,
                                             const CommitOptions& options) {
  std::vector<ComponentCore*> cores;
  for (const ComponentCommit& commit : commits) cores.push_back(&Of(*commit.component));
  std::sort(cores.begin(), cores.end(), [](auto* a, auto* b) { return a->id_ < b->id_; });
  cores.erase(std::unique(cores.begin(), cores.end()), cores.end());
  if (cores.empty()) {
    return MakeFault({.kind = FaultKind::kInvalid, .next = "give at least one"}, "an empty batch");
  }
  std::deque<Entry> entries;
  for (ComponentCore* core : cores) {
    entries.emplace_back(*core);
    DR_RETURN_IF_ERROR(core->CheckCall(entries.back(), options));
    if (entries.back().runtime() != entries.front().runtime()) {
      return MakeFault({.kind = FaultKind::kUsage, .place = core->id_, .next = "open one host for all"},
                       fmt::format("component '{}' has another host", core->id_));
    }
  }
  std::vector<std::unique_ptr<PendingOperation>> operations;
  std::vector<LogEntry*> log_entries;
  for (const ComponentCommit& commit : commits) {
    operations.push_back(Of(*commit.component).NewOperation(commit.payload, options));
    log_entries.push_back(&operations.back()->entry);
  }
  absl::StatusOr<Lsn> last = Lsn{};
  std::size_t locked = 0;
  for (; locked < cores.size() && last.ok(); ++locked) {
    cores[locked]->order_mutex_.lock();
    if (absl::Status order = cores[locked]->AwaitOrder(options.context); !order.ok()) last = order;
  }
  if (last.ok()) last = entries.front().runtime()->log.AppendBatch(log_entries, options.context);
  if (last.ok()) {
    for (std::size_t i = 0; i < commits.size(); ++i) {
      Of(*commits[i].component).Enqueue(std::move(operations[i]));
    }
  }
  while (locked > 0) cores[--locked]->order_mutex_.unlock();
  if (!last.ok()) return last;
  for (ComponentCore* core : cores) DR_RETURN_IF_ERROR(core->AwaitApplied(*last, options.context));
  return last;
}

}  // namespace dr::inline v0
