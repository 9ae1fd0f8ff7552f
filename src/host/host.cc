#include "dr/host.h"

#include <algorithm>
#include <atomic>
#include <stop_token>
#include <utility>

#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/base/posix_wake.h"
#include "src/base/status_macros.h"
#include "src/host/agenda.h"
#include "src/host/backing.h"
#include "src/host/checkpoint_schedule.h"
#include "src/host/host_events.h"
#include "src/host/host_options.h"
#include "src/host/host_threads.h"
#include "src/host/machine.h"
#include "src/host/turn.h"
#include "src/runtime/callback_frame.h"
#include "src/runtime/recovery.h"

namespace dr::inline v0 {
namespace {

absl::Status Refused(FaultKind kind, std::string_view next, std::string_view what) {
  return MakeFault({.kind = kind, .next = std::string(next)}, what);
}
absl::Status WasShutDown() {
  return Refused(FaultKind::kUsage, "open a host again", "the host was shut down");
}

// How long the worker is inside one component before another thread goes on with the rest.
constexpr auto kPatience = std::chrono::milliseconds(40);

}  // namespace

class Host::Impl {
 public:
  explicit Impl(HostOptions options)
      : options_(std::move(options)),
        machine_(options_.environment),
        clock_(machine_.clock),
        checkpoints_(options_.checkpoint, clock_),
        events_(options_.environment.observer),
        checkpoint_turn_(clock_),
        shutdown_turn_(clock_),
        gate_(clock_),
        threads_(clock_) {}
  ~Impl();

  absl::Status Open(const AdapterRegistry& adapters, const Context& context);
  /// Runs a call of the program, if it may be made here and now: what it uses stays meanwhile.
  template <typename Call>
  auto Admit(Call call) -> decltype(call());
  absl::Status Start();
  absl::Status Step(const Context& context);
  absl::StatusOr<int> descriptor() { return descriptor_.Get(); }
  absl::StatusOr<Instant> next_deadline();
  absl::StatusOr<CheckpointInfo> Checkpoint(const Context& context);
  absl::StatusOr<CheckpointInfo> SaveState(std::string_view id, const Context& context);
  absl::StatusOr<StateOutcome> LoadState(std::string_view id, const Context& context);
  absl::Status DeleteState(std::string_view id, const Context& context);
  absl::Status Shutdown(const Context& context);
  Figures figures() const;

 private:
  absl::Status CheckFork() const;
  Agenda::Due Look();
  Instant Watch();
  void WatchCallbacks();
  void GiveWay();
  void CompletePending(const Context& context);
  absl::Status KeepLog(bool at_rest);
  void Release();
  template <typename Work>
  auto InTurn(const Context& context, Work work) -> decltype(work());
  void Tell(const absl::StatusOr<CheckpointInfo>& info);
  bool CheckpointDue() const;
  void CheckpointIfDue(const Context& context);
  CheckpointSchedule::LogEnd log_end() const { return {runtime_->log.last(), backing_->bytes()}; }
  Figures Read() const;

  const HostOptions options_;
  Machine machine_;
  const Clock& clock_;
  RestoreRegistry upgrades_;
  ComponentTable components_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<Backing> backing_;  ///< until it is given back
  std::unique_ptr<Agenda> agenda_;
  CheckpointSchedule checkpoints_;
  HostEvents events_;
  std::chrono::nanoseconds recovery_time_ = {};

  Turn checkpoint_turn_, shutdown_turn_;
  Gate gate_;  ///< whoever is inside may use the backing
  WakeDescriptor descriptor_;
  HostThreads threads_;
  std::stop_source background_;  ///< of the checkpoints that threads_ take
  std::atomic<bool> seal_due_ = false, replace_due_ = false;
  std::atomic<int> stepping_ = 0;
  std::atomic<bool> closed_ = false;

  mutable Mutex figures_mutex_;
  Figures last_figures_ ABSL_GUARDED_BY(figures_mutex_);  ///< when the backing was given back
};

Host::Impl::~Impl() {
  if (runtime_ != nullptr && runtime_->fork_guard.InChild()) {
    threads_.Forget();
    for (const auto& [id, core] : components_) static_cast<void>(core->Close({}));
    return;
  }
  background_.request_stop();
  static_cast<void>(threads_.StopWork({}));
  static_cast<void>(threads_.StopWatch({}));
  Release();
}

// Before any lock, because in a forked child another thread may have held it.
absl::Status Host::Impl::CheckFork() const {
  if (!runtime_->fork_guard.InChild()) return absl::OkStatus();
  return Refused(FaultKind::kPoisoned, "use the host in the parent only",
                 "this process was forked from the one that has the host");
}

template <typename Call>
auto Host::Impl::Admit(Call call) -> decltype(call()) {
  DR_RETURN_IF_ERROR(CheckFork());
  if (CallbackFrame* frame = CallbackFrame::Current(); frame != nullptr) {
    frame->reentered = true;
    return Refused(FaultKind::kUsage, "call the host after the callback has returned",
                   "the host was called from inside a component's callback");
  }
  const Gate::Visit visit(gate_);
  if (!visit.let_in()) return WasShutDown();
  return call();
}

absl::Status Host::Impl::Open(const AdapterRegistry& adapters, const Context& context) {
  const Instant start = clock_.Now();
  DR_RETURN_IF_ERROR(CheckOptions(options_));
  DR_ASSIGN_OR_RETURN(components_, ClaimComponents(options_.components, upgrades_));
  const Surroundings around{options_,        machine_.files, clock_,
                            machine_.random, components_,    upgrades_};
  DR_ASSIGN_OR_RETURN(backing_, options_.directory.empty()
                                    ? OpenRepository(around, adapters, context)
                                    : OpenDirectory(around, context));
  runtime_.reset(new Runtime{.log = backing_->log(),
                             .clock = clock_,
                             .observer = options_.environment.observer,
                             .durability = options_.durability,
                             .durability_max = backing_->durability_max(),
                             .callback_deadline = options_.callback_deadline,
                             .digest_every = options_.checkpoint.digest_every});
  runtime_->bell.Connect([this] {
    threads_.WakeWatch();
    descriptor_.Signal();
  });
  runtime_->completions.SetWake([this] {
    threads_.WakeLog();
    descriptor_.Signal();
  });
  backing_->Begin(*runtime_);
  const Found& found = backing_->found();
  checkpoints_.Begin(backing_->checkpointed(), found.age);
  agenda_ =
      std::make_unique<Agenda>(options_, clock_, components_, *backing_, checkpoints_, *runtime_);
  recovery_time_ = clock_.Now() - start;
  for (const auto& [id, core] : components_) core->Attach(*runtime_);
  events_.Recovered(found.last, recovery_time_, found.text);
  events_.Clock(backing_->time_ahead(), found.last);
  return absl::OkStatus();
}

void Host::Impl::CompletePending(const Context& context) {
  for (const auto& [id, core] : components_) core->Pump(context);
  runtime_->completions.Run();
}

absl::Status Host::Impl::KeepLog(bool at_rest) {
  absl::Status kept = backing_->KeepLog(at_rest);
  if (!kept.ok()) agenda_->PutOff();
  events_.Clock(backing_->time_ahead(), runtime_->log.last());
  return kept;
}

// A component that hangs in its callback has failed.
void Host::Impl::WatchCallbacks() {
  for (const auto& [id, core] : components_) core->Watch();
  agenda_->Watched();
}

// One that is slow delays itself alone: another thread goes on in the place of the one inside it.
void Host::Impl::GiveWay() {
  bool delays = runtime_->completions.GiveUpOverdue(clock_.Now(), options_.callback_deadline);
  for (const auto& [id, core] : components_) delays |= core->DelaysOthers(kPatience);
  if (delays) replace_due_ = true;
  // Where no thread can be made now, one may be at the next look.
  if (replace_due_.exchange(false) && !threads_.ReplaceLog().ok()) replace_due_ = true;
}

// ---- What is due --------------------------------------------------------------------------------

Agenda::Due Host::Impl::Look() {
  return agenda_->Look([this] {
    return Agenda::Activity{.log = threads_.log_working() || stepping_.load() > 0,
                            .checkpoint = checkpoint_turn_.taken()};
  });
}

// The thread that keeps the time. What takes long is for the others.
Instant Host::Impl::Watch() {
  const Agenda::Due due = Look();
  if (due.watch) WatchCallbacks();
  GiveWay();
  if (due.seal) seal_due_ = true;
  if (due.came || due.log || due.seal) threads_.WakeLog();
  if (due.checkpoint) threads_.WakeCheckpoint();
  return due.next;
}

absl::Status Host::Impl::Start() {
  DR_RETURN_IF_ERROR(backing_->status());
  // What fails in the background tells its callers and the observer; the threads live on for the
  // rest.
  return threads_.Start({.log =
                             [this] {
                               CompletePending({});
                               static_cast<void>(KeepLog(seal_due_.exchange(false)));
                               return Instant::Never();
                             },
                         .checkpoint =
                             [this] {
                               CheckpointIfDue({.stop = background_.get_token()});
                               return Instant::Never();
                             },
                         .watch = [this] { return Watch(); }});
}

absl::Status Host::Impl::Step(const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "Step"));
  const Agenda::Due due = Look();
  ++stepping_;
  CompletePending(context);
  --stepping_;
  WatchCallbacks();
  GiveWay();
  const bool at_rest = due.seal || !descriptor_.is_made();
  absl::Status kept = KeepLog(at_rest);
  if (!kept.ok() && !absl::IsResourceExhausted(kept)) return kept;
  CheckpointIfDue(context);
  if (!kept.ok()) kept = KeepLog(at_rest);  // behind a checkpoint there may be room again
  // What this clears too early is found by the look of next_deadline.
  descriptor_.Clear();
  threads_.WakeWatch();  // the bell may not be armed as its look had left it
  return kept.ok() ? backing_->status() : kept;
}

absl::StatusOr<Instant> Host::Impl::next_deadline() {
  const Agenda::Due due = Look();
  threads_.WakeWatch();
  return due.now() ? clock_.Now() : due.next;
}

// ---- Checkpoints --------------------------------------------------------------------------------

bool Host::Impl::CheckpointDue() const {
  return backing_->status().ok() &&
         clock_.Now() >= checkpoints_.Next(log_end(), backing_->checkpoint_anyway());
}

void Host::Impl::CheckpointIfDue(const Context& context) {
  if (CheckpointDue()) static_cast<void>(WithinMemory([&] { return Checkpoint(context); }));
}

// It may hang in a callback, which is for nobody to wait for beyond their deadline.
template <typename Work>
auto Host::Impl::InTurn(const Context& context, Work work) -> decltype(work()) {
  DR_ASSIGN_OR_RETURN(Turn::Hold turn, checkpoint_turn_.Take(context, "the checkpoint under way"));
  runtime_->bell.RingIfArmed();  // its callbacks are to be watched
  auto result = WithinMemory(work);
  turn.reset();
  runtime_->bell.RingIfArmed();  // and the next one has its time
  return result;
}

void Host::Impl::Tell(const absl::StatusOr<CheckpointInfo>& info) {
  checkpoints_.Count(info);
  events_.Checkpoint(info);
}

absl::StatusOr<CheckpointInfo> Host::Impl::Checkpoint(const Context& context) {
  absl::StatusOr<CheckpointInfo> info = InTurn(context, [&] {
    CheckpointSchedule::LogEnd end = log_end();
    absl::StatusOr<CheckpointInfo> taken = WithinMemory([&] { return backing_->Take(context); });
    // What was logged and not applied yet is left for the next one.
    if (taken.ok()) end.last = std::min(end.last, taken->position.lsn);
    checkpoints_.Tried(end);
    return taken;
  });
  // One of the host's own that gives way to that of Shutdown has not failed.
  const bool gave_way = absl::IsCancelled(info.status()) && context.stop == background_.get_token();
  if (!gave_way) Tell(info);
  return info;
}

absl::StatusOr<CheckpointInfo> Host::Impl::SaveState(std::string_view id, const Context& context) {
  DR_ASSIGN_OR_RETURN(ComponentCore * core, Direct(components_, *backing_, "SaveState", id));
  absl::StatusOr<CheckpointInfo> info =
      InTurn(context, [&] { return backing_->direct()->Save(*core, context); });
  Tell(info);
  return info;
}

absl::StatusOr<StateOutcome> Host::Impl::LoadState(std::string_view id, const Context& context) {
  DR_ASSIGN_OR_RETURN(ComponentCore * core, Direct(components_, *backing_, "LoadState", id));
  return InTurn(context, [&] { return backing_->direct()->Load(*core, context); });
}

absl::Status Host::Impl::DeleteState(std::string_view id, const Context& context) {
  DR_ASSIGN_OR_RETURN(ComponentCore * core, Direct(components_, *backing_, "DeleteState", id));
  absl::StatusOr<CheckpointInfo> info =
      InTurn(context, [&] { return backing_->direct()->Delete(*core, context); });
  Tell(info);
  return info.status();
}

// ---- The end ------------------------------------------------------------------------------------

absl::Status Host::Impl::Shutdown(const Context& context) {
  DR_RETURN_IF_ERROR(CheckFork());
  DR_ASSIGN_OR_RETURN(const Turn::Hold turn, shutdown_turn_.Take(context, "another Shutdown"));
  if (closed_.load()) return WasShutDown();
  background_.request_stop();
  if (context.deadline.is_never()) backing_->LimitPatience();
  for (const auto& [id, core] : components_) DR_RETURN_IF_ERROR(core->Close(context));
  DR_RETURN_IF_ERROR(threads_.StopWork(context));
  DR_RETURN_IF_ERROR(checkpoint_turn_.Take(context, "the checkpoint under way").status());
  CompletePending(context);
  absl::Status result = absl::OkStatus();
  if (options_.checkpoint.on_shutdown) result = Checkpoint(context).status();
  // Without a log the components still have what could not be saved: it may be tried again.
  if (!result.ok() && backing_->direct() != nullptr && backing_->status().ok()) return result;
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "Shutdown"));
  if (absl::Status sealed = backing_->Seal(); result.ok()) result = sealed;
  DR_RETURN_IF_ERROR(gate_.Close(context));
  // Last, for what hangs in the last checkpoint is to be named like anything else.
  DR_RETURN_IF_ERROR(threads_.StopWatch(context));
  Release();
  return result;
}

// Nobody uses the log any more: no caller is inside, and the threads have ended.
void Host::Impl::Release() {
  if (runtime_ == nullptr || closed_.exchange(true)) return;
  for (const auto& [id, core] : components_) {
    static_cast<void>(core->Close({}));
    core->Detach();
  }
  runtime_->completions.Finish();
  Figures last;
  static_cast<void>(WithinMemory([&] {
    last = Read();
    return absl::OkStatus();
  }));
  std::unique_ptr<Backing> gone;  // closes files, which is not done under a lock
  MutexLock lock(figures_mutex_);
  last_figures_ = std::move(last);
  gone = std::move(backing_);
}

Figures Host::Impl::Read() const {
  Figures figures;
  for (const auto& [id, core] : components_) {
    figures.operations += core->applied_count();
    figures.pending += core->pending_count();
    if (!core->failure().ok()) figures.failed_components.push_back(core->id());
  }
  figures.replayed = backing_->found().replayed.operations;
  figures.recovery_time = recovery_time_;
  checkpoints_.AddTo(figures);
  figures.time_ahead = backing_->time_ahead();
  backing_->AddTo(figures);
  return figures;
}

Figures Host::Impl::figures() const {
  if (!CheckFork().ok()) return {};
  MutexLock lock(figures_mutex_);
  return backing_ != nullptr ? Read() : last_figures_;
}

absl::StatusOr<std::unique_ptr<Host>> Host::Open(HostOptions options,
                                                 const AdapterRegistry& adapters,
                                                 const Context& context) {
  return WithinMemory([&]() -> absl::StatusOr<std::unique_ptr<Host>> {
    auto impl = std::make_unique<Impl>(std::move(options));
    DR_RETURN_IF_ERROR(impl->Open(adapters, context));
    return std::unique_ptr<Host>(new Host(std::move(impl)));
  });
}

Host::Host(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Host::~Host() = default;

absl::Status Host::Start() {
  return WithinMemory([&] { return impl_->Admit([&] { return impl_->Start(); }); });
}
absl::Status Host::Step(const Context& context) {
  return WithinMemory([&] { return impl_->Admit([&] { return impl_->Step(context); }); });
}
absl::StatusOr<int> Host::descriptor() {
  return WithinMemory([&] { return impl_->Admit([&] { return impl_->descriptor(); }); });
}
Instant Host::next_deadline() {
  return WithinMemory([&] { return impl_->Admit([&] { return impl_->next_deadline(); }); })
      .value_or(Instant::Never());
}
absl::StatusOr<CheckpointInfo> Host::Checkpoint(CheckpointMode, const Context& context) {
  return WithinMemory([&] { return impl_->Admit([&] { return impl_->Checkpoint(context); }); });
}
absl::StatusOr<CheckpointInfo> Host::SaveState(std::string_view component, const Context& context) {
  return WithinMemory(
      [&] { return impl_->Admit([&] { return impl_->SaveState(component, context); }); });
}
absl::StatusOr<StateOutcome> Host::LoadState(std::string_view component, const Context& context) {
  return WithinMemory(
      [&] { return impl_->Admit([&] { return impl_->LoadState(component, context); }); });
}
absl::Status Host::DeleteState(std::string_view component, const Context& context) {
  return WithinMemory(
      [&] { return impl_->Admit([&] { return impl_->DeleteState(component, context); }); });
}
absl::Status Host::Shutdown(const Context& context) {
  return WithinMemory([&] { return impl_->Shutdown(context); });
}
Figures Host::figures() const { return impl_->figures(); }

}  // namespace dr::inline v0
