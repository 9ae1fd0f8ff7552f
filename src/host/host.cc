#include "dr/host.h"

#include <atomic>
#include <utility>

#include "dr/status_macros.h"
#include "dr/stored_state.h"
#include "src/base/out_of_memory.h"
#include "src/base/turn.h"
#include "src/host/admission.h"
#include "src/host/direct_state.h"
#include "src/host/host_loop.h"
#include "src/host/host_options.h"
#include "src/host/machine.h"

namespace dr::inline v0 {

class Host::Impl {
 public:
  explicit Impl(HostOptions options)
      : options_(std::move(options)),
        machine_(options_.environment),
        events_(options_.environment.observer),
        admission_(machine_.clock),
        shutdown_turn_(machine_.clock) {}
  ~Impl();

  absl::Status Open(const AdapterRegistry& adapters, const Context& context);
  template <typename Call>
  auto Admit(Call call) -> decltype(call()) {
    return admission_.Admit(std::move(call));
  }
  HostLoop& loop() { return *loop_; }
  Checkpointer& checkpointer() { return *checkpointer_; }
  StoredState* stored_state() { return stored_state_ ? &*stored_state_ : nullptr; }
  absl::Status Shutdown(const Context& context);
  Figures figures() const;

 private:
  void Release();
  Figures Read() const;

  const HostOptions options_;
  Machine machine_;
  HostEvents events_;
  Admission admission_;
  ComponentSet components_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<HostStorage> storage_;  ///< until it is given back
  std::optional<Checkpointer> checkpointer_;
  std::optional<HostLoop> loop_;
  std::optional<DirectState> stored_state_;
  std::chrono::nanoseconds recovery_time_ = {};

  Turn shutdown_turn_;
  std::atomic<bool> closed_ = false;
  mutable Mutex figures_mutex_;
  Figures last_figures_ ABSL_GUARDED_BY(figures_mutex_);  ///< when the storage was given back
};

Host::Impl::~Impl() {
  if (!loop_) return;
  if (admission_.in_child()) {
    loop_->Forget();
    for (const auto& [id, core] : components_) static_cast<void>(core->Close({}));
    return;
  }
  loop_->GiveWayToShutdown();
  static_cast<void>(loop_->StopWork({}));
  static_cast<void>(loop_->StopWatch({}));
  Release();
}

absl::Status Host::Impl::Open(const AdapterRegistry& adapters, const Context& context) {
  const Clock& clock = machine_.clock;
  const Instant start = clock.Now();
  DR_RETURN_IF_ERROR(CheckOptions(options_));
  DR_ASSIGN_OR_RETURN(components_,
                      ComponentSet::Claim(options_.components, options_.recovery.retired));
  const HostContext host{options_, machine_.files, clock, machine_.random, components_};
  DR_ASSIGN_OR_RETURN(storage_, options_.directory.empty() ? OpenRepository(host, adapters, context)
                                                           : OpenDirectory(host, context));
  const OpenResult& found = storage_->result();
  runtime_.reset(new Runtime{.log = storage_->log(),
                             .epoch = storage_->epoch(),
                             .clock = clock,
                             .observer = options_.environment.observer,
                             .durability = options_.durability,
                             .durability_max = storage_->durability_max(),
                             .callback_deadline = options_.callback_deadline,
                             .digest_every = options_.checkpoint.digest_every});
  checkpointer_.emplace(options_.checkpoint, clock, options_.environment.observer, *storage_,
                        runtime_->bell, found.age);
  const HostParts parts{options_,       clock,     components_, *storage_,
                        *checkpointer_, *runtime_, events_};
  loop_.emplace(parts);
  if (storage_->direct() != nullptr) stored_state_.emplace(parts, admission_);
  recovery_time_ = clock.Now() - start;
  for (const auto& [id, core] : components_) core->Attach(*runtime_);
  events_.Recovered(found.last, recovery_time_, found.text);
  events_.Retired(found.retired);
  events_.Clock(storage_->time_ahead(), found.last);
  return absl::OkStatus();
}

absl::Status Host::Impl::Shutdown(const Context& context) {
  DR_RETURN_IF_ERROR(admission_.CheckFork());
  DR_ASSIGN_OR_RETURN(const Turn::Hold turn, shutdown_turn_.Take(context, "another Shutdown"));
  if (closed_.load()) return Admission::WasShutDown();
  loop_->GiveWayToShutdown();
  if (context.deadline.is_never()) storage_->LimitPatience();
  for (const auto& [id, core] : components_) DR_RETURN_IF_ERROR(core->Close(context));
  DR_RETURN_IF_ERROR(loop_->StopWork(context));
  DR_RETURN_IF_ERROR(checkpointer_->Await(context));
  loop_->CompletePending(context);
  absl::Status result = absl::OkStatus();
  if (options_.checkpoint.on_shutdown) result = checkpointer_->Take(context).status();
  // Without a log the components still have what could not be saved: it may be tried again.
  if (!result.ok() && storage_->direct() != nullptr && storage_->status().ok()) return result;
  DR_RETURN_IF_ERROR(CheckContext(context, machine_.clock, "Shutdown"));
  if (absl::Status sealed = storage_->Seal(); result.ok()) result = sealed;
  DR_RETURN_IF_ERROR(admission_.Close(context));
  DR_RETURN_IF_ERROR(loop_->StopWatch(context));
  Release();
  return result;
}

// The log is not used any more: no caller is inside, and the threads have ended.
void Host::Impl::Release() {
  if (closed_.exchange(true)) return;
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
  std::unique_ptr<HostStorage> gone;  // closes files, which is not done under a lock
  MutexLock lock(figures_mutex_);
  last_figures_ = std::move(last);
  gone = std::move(storage_);
}

Figures Host::Impl::Read() const {
  Figures figures;
  for (const auto& [id, core] : components_) {
    figures.operations += core->applied_count();
    figures.pending += core->pending_count();
    if (!core->failure().ok()) figures.failed_components.push_back(core->id());
  }
  figures.replayed = storage_->result().replayed.operations;
  figures.recovery_time = recovery_time_;
  const CheckpointFigures checkpoints = checkpointer_->figures();
  figures.checkpoints = checkpoints.taken;
  figures.checkpoint_failures = checkpoints.failed;
  figures.checkpointed = checkpoints.newest;
  figures.checkpoint_age = checkpoints.age;
  figures.checkpoint_pause_p50 = checkpoints.pauses.p50;
  figures.checkpoint_pause_p99 = checkpoints.pauses.p99;
  figures.checkpoint_pause_max = checkpoints.pauses.max;
  figures.time_ahead = storage_->time_ahead();
  storage_->AddTo(figures);
  return figures;
}

Figures Host::Impl::figures() const {
  if (admission_.in_child()) return {};
  MutexLock lock(figures_mutex_);
  return storage_ != nullptr ? Read() : last_figures_;
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
  return impl_->Admit([&] { return impl_->loop().Start(); });
}
absl::Status Host::Step(const Context& context) {
  return impl_->Admit([&] { return impl_->loop().Step(context); });
}
absl::StatusOr<int> Host::descriptor() {
  return impl_->Admit([&] { return impl_->loop().descriptor(); });
}
Instant Host::next_deadline() {
  return impl_->Admit([&]() -> absl::StatusOr<Instant> { return impl_->loop().next_deadline(); })
      .value_or(Instant::Never());
}
absl::StatusOr<CheckpointInfo> Host::Checkpoint(CheckpointMode, const Context& context) {
  return impl_->Admit([&] { return impl_->checkpointer().Take(context); });
}
absl::Status Host::Shutdown(const Context& context) {
  return WithinMemory([&] { return impl_->Shutdown(context); });
}
Figures Host::figures() const { return impl_->figures(); }
StoredState* StateOf(Host& host) { return host.impl_->stored_state(); }

}  // namespace dr::inline v0
