#include "dr/host.h"

#include <algorithm>
#include <atomic>
#include <stop_token>
#include <thread>
#include <utility>

#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/base/recent_durations.h"
#include "src/base/status_macros.h"
#include "src/host/backing.h"
#include "src/host/host_options.h"
#include "src/host/worker.h"
#include "src/runtime/recovery.h"

namespace dr::inline v0 {
namespace {

constexpr auto kTick = std::chrono::milliseconds(10);  // an idle log is sealed after one or two

// How long the worker is inside one component before another thread goes on with the rest.
constexpr auto kPatience = std::chrono::milliseconds(40);

}  // namespace

class Host::Impl {
 public:
  explicit Impl(HostOptions options) : options_(std::move(options)) {
    files_ = options_.environment.files != nullptr ? options_.environment.files : &real_files_;
    clock_ = options_.environment.clock != nullptr ? options_.environment.clock : &real_clock_;
    random_ = options_.environment.random != nullptr ? options_.environment.random : &real_random_;
  }
  ~Impl();

  absl::Status Open(const AdapterRegistry& adapters, const Context& context);
  absl::Status Start();
  absl::Status Step(const Context& context);
  absl::StatusOr<CheckpointInfo> Checkpoint(const Context& context);
  absl::StatusOr<CheckpointInfo> SaveState(std::string_view id, const Context& context);
  absl::StatusOr<StateOutcome> LoadState(std::string_view id, const Context& context);
  absl::Status DeleteState(std::string_view id, const Context& context);
  absl::Status Shutdown(const Context& context);
  Figures figures() const;

 private:
  absl::Status Usable() const;
  absl::Status StopWorkers(const Context& context);
  void Detach();
  void CompletePending(const Context& context);
  void WatchCallbacks();
  absl::Status AwaitCheckpoint(const Context& context)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(checkpoint_mutex_);
  template <typename Work>
  auto InTurn(const Context& context, Work work) -> decltype(work());
  absl::StatusOr<ComponentCore*> Direct(std::string_view call, std::string_view id) const;
  absl::StatusOr<CheckpointInfo> TakeCheckpoint(const Context& context);
  void Count(const absl::StatusOr<CheckpointInfo>& info)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(figures_mutex_);
  void Tell(const absl::StatusOr<CheckpointInfo>& info) const;
  bool CheckpointDue() const;
  void CheckpointIfDue(const Context& context);
  void Notify(const Event& event) const {
    if (options_.environment.observer != nullptr) options_.environment.observer->OnEvent(event);
  }

  const HostOptions options_;
  PosixFileSystem real_files_;
  SystemClock real_clock_;
  SystemRandom real_random_;
  FileSystem* files_;
  const Clock* clock_;
  Random* random_;

  RestoreRegistry upgrades_;
  ComponentTable components_;
  std::unique_ptr<Backing> backing_;
  OperationLog* log_ = nullptr;
  std::unique_ptr<Runtime> runtime_;
  std::stop_source destroyed_;
  std::chrono::nanoseconds recovery_time_ = {};
  std::atomic<bool> closed_ = false;

  Mutex checkpoint_mutex_;
  CondVar checkpoint_ended_;
  bool checkpoint_under_way_ ABSL_GUARDED_BY(checkpoint_mutex_) = false;

  mutable Mutex figures_mutex_;
  RecentDurations pauses_ ABSL_GUARDED_BY(figures_mutex_);
  std::uint64_t checkpoint_count_ ABSL_GUARDED_BY(figures_mutex_) = 0;
  std::uint64_t checkpoint_failures_ ABSL_GUARDED_BY(figures_mutex_) = 0;
  Position checkpointed_ ABSL_GUARDED_BY(figures_mutex_);
  Lsn checkpointed_last_ ABSL_GUARDED_BY(figures_mutex_);  ///< the log's end then
  std::uint64_t checkpointed_bytes_ ABSL_GUARDED_BY(figures_mutex_) = 0;
  Instant checkpointed_at_ ABSL_GUARDED_BY(figures_mutex_);

  Mutex start_mutex_;
  bool started_ ABSL_GUARDED_BY(start_mutex_) = false;
  Worker worker_, checkpoint_worker_, watchdog_;
  std::atomic<int> pumping_ = 0;       ///< threads that apply what nobody waits for
  std::atomic<bool> watched_ = false;  ///< the watchdog looks at them again and again
};

Host::Impl::~Impl() {
  if (runtime_ != nullptr && runtime_->fork_guard.InChild()) {
    for (Worker* worker : {&worker_, &checkpoint_worker_, &watchdog_}) worker->Forget();
    for (const auto& [id, core] : components_) static_cast<void>(core->Close({}));
    return;
  }
  destroyed_.request_stop();
  static_cast<void>(StopWorkers({}));
  static_cast<void>(watchdog_.Stop({}, *clock_));
  Detach();
}

// Before any lock, because in a forked child another thread may have held it.
absl::Status Host::Impl::Usable() const {
  if (runtime_->fork_guard.InChild()) {
    return MakeFault({.kind = FaultKind::kPoisoned, .next = "use the host in the parent only"},
                     "this process was forked from the one that has the host");
  }
  if (!closed_.load()) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kUsage, .next = "open a host again"},
                   "the host was shut down");
}

absl::Status Host::Impl::Open(const AdapterRegistry& adapters, const Context& context) {
  const Instant start = clock_->Now();
  DR_RETURN_IF_ERROR(CheckOptions(options_));
  DR_ASSIGN_OR_RETURN(components_, ClaimComponents(options_.components, upgrades_));
  const Surroundings around{options_, *files_, *clock_, *random_, components_, upgrades_};
  DR_ASSIGN_OR_RETURN(backing_, options_.directory.empty()
                                    ? OpenRepository(around, adapters, context)
                                    : OpenDirectory(around, context));
  log_ = &backing_->log();
  runtime_.reset(new Runtime{.log = *log_,
                             .clock = *clock_,
                             .observer = options_.environment.observer,
                             .durability = options_.durability,
                             .durability_max = backing_->durability_max(),
                             .callback_deadline = options_.callback_deadline,
                             .digest_every = options_.checkpoint.digest_every});
  backing_->Begin(*runtime_);
  const Found& found = backing_->found();
  {
    MutexLock lock(figures_mutex_);
    checkpointed_ = backing_->checkpointed();
    checkpointed_last_ = checkpointed_.lsn;
    checkpointed_at_ = clock_->Now() + -std::clamp(found.age, std::chrono::nanoseconds(0),
                                                   options_.checkpoint.interval);
  }
  recovery_time_ = clock_->Now() - start;
  for (const auto& [id, core] : components_) core->Attach(*runtime_);
  Notify({.kind = EventKind::kRecovered,
          .lsn = found.last,
          .duration = recovery_time_,
          .text = fmt::format(
              "{} in {} ms", found.text,
              std::chrono::duration_cast<std::chrono::milliseconds>(recovery_time_).count())});
  return absl::OkStatus();
}

void Host::Impl::CompletePending(const Context& context) {
  bool any = false;
  for (const auto& [id, core] : components_) any |= core->pending_count() > 0;
  if (any) {
    ++pumping_;
    if (!watched_.exchange(true)) watchdog_.Wake();
    for (const auto& [id, core] : components_) core->Pump(context);
    --pumping_;
  }
  runtime_->completions.Run();
}

// A component that hangs in its callback has failed. One that is slow delays itself alone: another
// thread goes on in the place of the one inside it.
void Host::Impl::WatchCallbacks() {
  bool delays = runtime_->completions.GiveUpOverdue(clock_->Now(), options_.callback_deadline);
  for (const auto& [id, core] : components_) {
    core->Watch();
    delays |= core->DelaysOthers(kPatience);
  }
  if (delays) worker_.Replace();
}

absl::Status Host::Impl::Start() {
  DR_RETURN_IF_ERROR(Usable());
  DR_RETURN_IF_ERROR(backing_->status());
  MutexLock lock(start_mutex_);
  if (std::exchange(started_, true)) return absl::OkStatus();
  runtime_->completions.SetWake([this] { worker_.Wake(); });
  // What fails in the background tells its callers and the observer; the threads live on for the
  // rest.
  worker_.Start(kTick, [this] {
    static_cast<void>(WithinMemory([this] {
      CompletePending({});
      return backing_->KeepLog(false);
    }));
  });
  checkpoint_worker_.Start(kTick, [this] { CheckpointIfDue({.stop = destroyed_.get_token()}); });
  watchdog_.Start(options_.callback_deadline / kLooksPerDeadline, [this] {
    watched_ = false;
    WatchCallbacks();
    if (pumping_ == 0) return;  // else a thread that is applying has to be looked at soon
    watched_ = true;
    watchdog_.WakeIn(kPatience / kLooksPerDeadline);
  });
  return absl::OkStatus();
}

absl::Status Host::Impl::Step(const Context& context) {
  DR_RETURN_IF_ERROR(Usable());
  DR_RETURN_IF_ERROR(CheckContext(context, *clock_, "Step"));
  CompletePending(context);
  WatchCallbacks();
  absl::Status kept = backing_->KeepLog(true);
  if (!kept.ok() && !absl::IsResourceExhausted(kept)) return kept;
  CheckpointIfDue(context);
  if (!kept.ok()) kept = backing_->KeepLog(true);  // behind a checkpoint there may be room again
  return kept.ok() ? backing_->status() : kept;
}

bool Host::Impl::CheckpointDue() const {
  const CheckpointPolicy& policy = options_.checkpoint;
  const Lsn last = log_->last();
  const std::uint64_t bytes = backing_->bytes();
  MutexLock lock(figures_mutex_);
  const std::chrono::nanoseconds age = clock_->Now() - checkpointed_at_;
  if (backing_->IsDue(age)) return true;
  if (last == checkpointed_last_) return false;
  return (policy.interval.count() > 0 && age >= policy.interval) ||
         (policy.log_bytes > 0 && bytes - checkpointed_bytes_ >= policy.log_bytes) ||
         (policy.operations > 0 && last.value - checkpointed_last_.value >= policy.operations);
}

void Host::Impl::CheckpointIfDue(const Context& context) {
  if (!CheckpointDue() || !backing_->status().ok()) return;
  static_cast<void>(WithinMemory([&] { return Checkpoint(context); }));
}

// It may hang in a callback, which is for nobody to wait for beyond their deadline.
absl::Status Host::Impl::AwaitCheckpoint(const Context& context) {
  while (checkpoint_under_way_) {
    DR_RETURN_IF_ERROR(CheckContext(context, *clock_, "the checkpoint under way"));
    checkpoint_ended_.WaitFor(checkpoint_mutex_, kTick);
  }
  return absl::OkStatus();
}

template <typename Work>
auto Host::Impl::InTurn(const Context& context, Work work) -> decltype(work()) {
  {
    MutexLock lock(checkpoint_mutex_);
    DR_RETURN_IF_ERROR(AwaitCheckpoint(context));
    checkpoint_under_way_ = true;
  }
  auto result = WithinMemory(work);
  MutexLock lock(checkpoint_mutex_);
  checkpoint_under_way_ = false;
  checkpoint_ended_.NotifyAll();
  return result;
}

void Host::Impl::Count(const absl::StatusOr<CheckpointInfo>& info) {
  if (!info.ok()) {
    ++checkpoint_failures_;
  } else if (info->sequence > 0) {
    ++checkpoint_count_;
    checkpointed_ = info->position;
    pauses_.Add(info->pause_max);
  }
}

absl::StatusOr<CheckpointInfo> Host::Impl::TakeCheckpoint(const Context& context) {
  return InTurn(context, [&] {
    const Lsn last = log_->last();
    const std::uint64_t bytes = backing_->bytes();
    absl::StatusOr<CheckpointInfo> info = WithinMemory([&] { return backing_->Take(context); });
    MutexLock lock(figures_mutex_);
    checkpointed_at_ = clock_->Now();
    checkpointed_last_ = last;
    checkpointed_bytes_ = bytes;
    Count(info);
    return info;
  });
}

void Host::Impl::Tell(const absl::StatusOr<CheckpointInfo>& info) const {
  if (!info.ok()) {
    return Notify({.kind = EventKind::kCheckpointFailed,
                   .status = info.status(),
                   .text = std::string(AsStd(info.status().message()))});
  }
  if (info->sequence == 0) return;
  Notify({.kind = EventKind::kCheckpoint,
          .lsn = info->position.lsn,
          .duration = info->pause_max,
          .text = fmt::format("checkpoint {}: {} components written, {} carried, {} bytes",
                              info->sequence, info->components_written, info->components_carried,
                              info->bytes)});
}

absl::StatusOr<CheckpointInfo> Host::Impl::Checkpoint(const Context& context) {
  DR_RETURN_IF_ERROR(Usable());
  absl::StatusOr<CheckpointInfo> info = TakeCheckpoint(context);
  Tell(info);
  return info;
}

absl::StatusOr<ComponentCore*> Host::Impl::Direct(std::string_view call,
                                                  std::string_view id) const {
  DR_RETURN_IF_ERROR(Usable());
  if (backing_->direct() == nullptr) {
    return MakeFault({.kind = FaultKind::kUsage,
                      .next = "use Checkpoint; a host with a repository and no directory has it"},
                     fmt::format("{} is not for a host whose directory has it all", call));
  }
  const auto found = components_.find(id);
  if (found != components_.end()) return found->second.get();
  return MakeFault({.kind = FaultKind::kMissing,
                    .place = std::string(id),
                    .next = "name one of HostOptions::components"},
                   fmt::format("the host has no component '{}'", id));
}

absl::StatusOr<CheckpointInfo> Host::Impl::SaveState(std::string_view id, const Context& context) {
  DR_ASSIGN_OR_RETURN(ComponentCore * core, Direct("SaveState", id));
  absl::StatusOr<CheckpointInfo> info = InTurn(context, [&] {
    absl::StatusOr<CheckpointInfo> saved = backing_->direct()->Save(*core, context);
    MutexLock lock(figures_mutex_);
    Count(saved);
    return saved;
  });
  Tell(info);
  return info;
}

absl::StatusOr<StateOutcome> Host::Impl::LoadState(std::string_view id, const Context& context) {
  DR_ASSIGN_OR_RETURN(ComponentCore * core, Direct("LoadState", id));
  return InTurn(context, [&] { return backing_->direct()->Load(*core, context); });
}

absl::Status Host::Impl::DeleteState(std::string_view id, const Context& context) {
  DR_ASSIGN_OR_RETURN(ComponentCore * core, Direct("DeleteState", id));
  absl::StatusOr<CheckpointInfo> info = InTurn(context, [&] {
    absl::StatusOr<CheckpointInfo> deleted = backing_->direct()->Delete(*core, context);
    MutexLock lock(figures_mutex_);
    Count(deleted);
    return deleted;
  });
  Tell(info);
  return info.status();
}

absl::Status Host::Impl::StopWorkers(const Context& context) {
  DR_RETURN_IF_ERROR(worker_.Stop(context, *clock_));
  return checkpoint_worker_.Stop(context, *clock_);
}

absl::Status Host::Impl::Shutdown(const Context& context) {
  DR_RETURN_IF_ERROR(Usable());
  for (const auto& [id, core] : components_) DR_RETURN_IF_ERROR(core->Close(context));
  DR_RETURN_IF_ERROR(StopWorkers(context));
  {
    MutexLock lock(checkpoint_mutex_);
    DR_RETURN_IF_ERROR(AwaitCheckpoint(context));
  }
  CompletePending(context);
  absl::Status result = absl::OkStatus();
  if (options_.checkpoint.on_shutdown) result = Checkpoint(context).status();
  // Without a log the components still have what could not be saved: it may be tried again.
  if (!result.ok() && backing_->direct() != nullptr && backing_->status().ok()) return result;
  DR_RETURN_IF_ERROR(CheckContext(context, *clock_, "Shutdown"));
  if (absl::Status sealed = backing_->Seal(); result.ok()) result = sealed;
  // Last, for what hangs in the last checkpoint is to be named like anything else.
  DR_RETURN_IF_ERROR(watchdog_.Stop(context, *clock_));
  Detach();
  return result;
}

void Host::Impl::Detach() {
  if (runtime_ == nullptr || closed_.exchange(true)) return;
  for (const auto& [id, core] : components_) {
    static_cast<void>(core->Close({}));
    core->Detach();
  }
  runtime_->completions.Finish();
  backing_->Release();
}

Figures Host::Impl::figures() const {
  Figures figures;
  for (const auto& [id, core] : components_) {
    figures.operations += core->applied_count();
    figures.pending += core->pending_count();
    if (!core->failure().ok()) figures.failed_components.push_back(core->id());
  }
  figures.replayed = backing_->found().replayed.operations;
  figures.recovery_time = recovery_time_;
  MutexLock lock(figures_mutex_);
  figures.checkpoints = checkpoint_count_;
  figures.checkpoint_failures = checkpoint_failures_;
  figures.checkpointed = checkpointed_;
  const RecentDurations::Quantiles pauses = pauses_.quantiles();
  figures.checkpoint_pause_p50 = pauses.p50;
  figures.checkpoint_pause_p99 = pauses.p99;
  figures.checkpoint_pause_max = pauses.max;
  backing_->AddTo(figures);
  return figures;
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
  return WithinMemory([&] { return impl_->Start(); });
}
absl::Status Host::Step(const Context& context) {
  return WithinMemory([&] { return impl_->Step(context); });
}
absl::StatusOr<CheckpointInfo> Host::Checkpoint(CheckpointMode, const Context& context) {
  return WithinMemory([&] { return impl_->Checkpoint(context); });
}
absl::StatusOr<CheckpointInfo> Host::SaveState(std::string_view component, const Context& context) {
  return WithinMemory([&] { return impl_->SaveState(component, context); });
}
absl::StatusOr<StateOutcome> Host::LoadState(std::string_view component, const Context& context) {
  return WithinMemory([&] { return impl_->LoadState(component, context); });
}
absl::Status Host::DeleteState(std::string_view component, const Context& context) {
  return WithinMemory([&] { return impl_->DeleteState(component, context); });
}
absl::Status Host::Shutdown(const Context& context) {
  return WithinMemory([&] { return impl_->Shutdown(context); });
}
Figures Host::figures() const { return impl_->figures(); }

}  // namespace dr::inline v0
