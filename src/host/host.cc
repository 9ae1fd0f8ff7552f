#include "dr/host.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>

#include "dr/directory_store.h"
#include "dr/repository.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/base/recent_durations.h"
#include "src/base/status_macros.h"
#include "src/host/host_options.h"
#include "src/host/reserve.h"
#include "src/host/worker.h"
#include "src/runtime/checkpoint_writer.h"
#include "src/runtime/generation.h"
#include "src/runtime/recovery.h"

namespace dr::inline v0 {
namespace {

bool IsNoSpace(const absl::Status& status) {
  const std::optional<Fault> fault = FaultOf(status);
  return fault && fault->kind == FaultKind::kNoSpace;
}

constexpr auto kAgeOnFullDisk = std::chrono::seconds(1);  // of a checkpoint that one may succeed
constexpr auto kTick = std::chrono::milliseconds(10);     // an idle log is sealed after one or two

}  // namespace

class Host::Impl {
 public:
  explicit Impl(HostOptions options) : options_(std::move(options)) {
    files_ = options_.environment.files != nullptr ? options_.environment.files : &real_files_;
    clock_ = options_.environment.clock != nullptr ? options_.environment.clock : &real_clock_;
    random_ = options_.environment.random != nullptr ? options_.environment.random : &real_random_;
  }
  ~Impl();

  absl::Status Open(const Context& context);
  absl::Status Start();
  absl::Status Step(const Context& context);
  absl::StatusOr<CheckpointInfo> Checkpoint(const Context& context);
  absl::Status Shutdown(const Context& context);
  Figures figures() const;

 private:
  absl::Status Usable() const;
  absl::Status StopWorkers(const Context& context);
  void Detach();
  void CompletePending(const Context& context);
  void WatchCallbacks();
  absl::Status KeepLog();
  absl::Status AwaitCheckpoint(const Context& context)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(checkpoint_mutex_);
  absl::StatusOr<CheckpointInfo> TakeCheckpoint(const Context& context);
  absl::StatusOr<CheckpointInfo> TakeWithinDisk(const Context& context);
  void KeepReserve();
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

  Generation generation_;
  std::unique_ptr<DirectoryStore> store_;
  std::unique_ptr<Repository> repository_;
  RestoreRegistry upgrades_;
  ComponentTable components_;
  std::unique_ptr<Wal> wal_;
  std::unique_ptr<OperationLog> log_;
  std::unique_ptr<Runtime> runtime_;
  Replayed replayed_;
  std::chrono::nanoseconds recovery_time_ = {};
  std::atomic<bool> closed_ = false;

  Mutex checkpoint_mutex_;
  CondVar checkpoint_ended_;
  bool checkpoint_under_way_ ABSL_GUARDED_BY(checkpoint_mutex_) = false;
  std::unique_ptr<CheckpointWriter> checkpoints_;  ///< of whom has a checkpoint under way
  std::optional<Reserve> reserve_;                 ///< of the same

  mutable Mutex figures_mutex_;
  RecentDurations pauses_ ABSL_GUARDED_BY(figures_mutex_);
  std::uint64_t checkpoint_count_ ABSL_GUARDED_BY(figures_mutex_) = 0;
  std::uint64_t checkpoint_failures_ ABSL_GUARDED_BY(figures_mutex_) = 0;
  Position checkpointed_ ABSL_GUARDED_BY(figures_mutex_);
  Lsn checkpointed_last_ ABSL_GUARDED_BY(figures_mutex_);  ///< the log's end then
  std::uint64_t checkpointed_bytes_ ABSL_GUARDED_BY(figures_mutex_) = 0;
  Instant checkpointed_at_ ABSL_GUARDED_BY(figures_mutex_);

  std::atomic<std::uint64_t> last_seen_ =
      0;  ///< by the tick before: the log is idle if nothing came since
  Mutex start_mutex_;
  bool started_ ABSL_GUARDED_BY(start_mutex_) = false;
  Worker worker_, checkpoint_worker_, watchdog_;
};

Host::Impl::~Impl() {
  if (runtime_ != nullptr && runtime_->fork_guard.InChild()) {
    for (Worker* worker : {&worker_, &checkpoint_worker_, &watchdog_}) worker->Forget();
    for (const auto& [id, core] : components_) static_cast<void>(core->Close({}));
    return;
  }
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

absl::Status Host::Impl::Open(const Context& context) {
  const Instant start = clock_->Now();
  DR_RETURN_IF_ERROR(CheckOptions(options_));
  DR_ASSIGN_OR_RETURN(components_, ClaimComponents(options_.components, upgrades_));
  DR_ASSIGN_OR_RETURN(generation_, OpenGeneration(*files_, options_.directory));
  DR_ASSIGN_OR_RETURN(store_,
                      DirectoryStore::Open(std::move(generation_.store), *random_, *clock_));
  DR_ASSIGN_OR_RETURN(reserve_, Reserve::Open(*generation_.root));
  DR_ASSIGN_OR_RETURN(repository_, Repository::Open(*store_, *clock_, *random_, {}, context));
  Observer* observer = options_.environment.observer;
  const WalOptions wal_options{.clock = clock_,
                               .random = random_,
                               .observer = observer,
                               .segment_bytes = options_.log.segment_bytes,
                               .group_bytes = options_.log.group_bytes};
  DR_ASSIGN_OR_RETURN(Recovered recovered,
                      RecoverComponents(*repository_, *generation_.wal, wal_options, components_,
                                        upgrades_, options_.recovery.retired, observer, context));
  wal_ = std::move(recovered.wal);
  replayed_ = recovered.replayed;
  log_ = std::make_unique<OperationLog>(
      *wal_, OperationLogOptions{.capacity = options_.log.ring_capacity}, wal_->durable());
  runtime_.reset(new Runtime{.log = *log_,
                             .clock = *clock_,
                             .observer = observer,
                             .durability = options_.durability,
                             .callback_deadline = options_.callback_deadline,
                             .digest_every = options_.checkpoint.digest_every});
  std::vector<ComponentCore*> cores;
  for (const auto& [id, core] : components_) cores.push_back(core);
  // What was replayed counts towards the next checkpoint, and so does the age of the one before: a
  // host that is opened often takes them as one that runs through.
  std::chrono::nanoseconds age = {};
  if (recovered.manifest) {
    age = absl::ToChronoNanoseconds(clock_->WallTime() - recovered.manifest->created);
  } else if (!wal_->recovery().created) {
    age = options_.checkpoint.interval;
  }
  checkpoints_ = std::make_unique<CheckpointWriter>(
      *runtime_, *wal_, *repository_, cores, options_.checkpoint, std::move(recovered.manifest));
  {
    MutexLock lock(figures_mutex_);
    checkpointed_ = checkpoints_->newest();
    checkpointed_last_ = checkpointed_.lsn;
    checkpointed_at_ =
        clock_->Now() + -std::clamp(age, std::chrono::nanoseconds(0), options_.checkpoint.interval);
  }
  recovery_time_ = clock_->Now() - start;
  for (ComponentCore* core : cores) core->Attach(*runtime_);
  const WalRecovery& recovery = wal_->recovery();
  if (recovery.groups_behind > 0) {
    Notify({.kind = EventKind::kTornTailCut,
            .lsn = recovery.last,
            .text = fmt::format("{} unfinished groups behind {} were set aside",
                                recovery.groups_behind, recovery.last.value)});
  }
  if (!wal_->figures().direct) {
    Notify({.kind = EventKind::kBuffered,
            .text = "no direct writes on this file system; each group is a write and a sync"});
  }
  Notify({.kind = EventKind::kRecovered,
          .lsn = recovery.last,
          .duration = recovery_time_,
          .text = fmt::format(
              "recovered up to {}; {} operations replayed in {} ms", recovery.last.value,
              replayed_.operations,
              std::chrono::duration_cast<std::chrono::milliseconds>(recovery_time_).count())});
  return absl::OkStatus();
}

void Host::Impl::CompletePending(const Context& context) {
  for (const auto& [id, core] : components_) core->Pump(context);
  runtime_->completions.Run();
}

// A component that hangs in its callback has failed; the thread that is inside is given up for it.
void Host::Impl::WatchCallbacks() {
  bool hangs = false;
  for (const auto& [id, core] : components_) hangs |= core->Watch();
  if (hangs) worker_.Replace();
}

// Seals what has come to rest and keeps space ready.
absl::Status Host::Impl::KeepLog() {
  const Lsn last = log_->last();
  if (last.value == last_seen_.exchange(last.value) &&
      wal_->figures().unsealed_records + (last.value - log_->durable().value) > 0) {
    DR_RETURN_IF_ERROR(wal_->Seal(*log_));
  }
  for (;;) {
    DR_ASSIGN_OR_RETURN(bool more, wal_->Prepare(*log_));
    if (!more) return absl::OkStatus();
  }
}

absl::Status Host::Impl::Start() {
  DR_RETURN_IF_ERROR(Usable());
  DR_RETURN_IF_ERROR(wal_->status());
  MutexLock lock(start_mutex_);
  if (std::exchange(started_, true)) return absl::OkStatus();
  runtime_->completions.SetWake([this] { worker_.Wake(); });
  // What fails in the background tells its callers and the observer; the threads live on for the
  // rest.
  worker_.Start(kTick, [this] {
    static_cast<void>(WithinMemory([this] {
      CompletePending({});
      return KeepLog();
    }));
  });
  checkpoint_worker_.Start(kTick, [this] { CheckpointIfDue({}); });
  watchdog_.Start(options_.callback_deadline / 4, [this] { WatchCallbacks(); });
  return absl::OkStatus();
}

absl::Status Host::Impl::Step(const Context& context) {
  DR_RETURN_IF_ERROR(Usable());
  DR_RETURN_IF_ERROR(CheckContext(context, *clock_, "Step"));
  CompletePending(context);
  WatchCallbacks();
  last_seen_ = log_->last().value;
  absl::Status kept = KeepLog();
  if (!kept.ok() && !IsNoSpace(kept)) return kept;
  CheckpointIfDue(context);
  if (!kept.ok()) kept = KeepLog();  // behind a checkpoint there may be room again
  return kept.ok() ? wal_->status() : kept;
}

bool Host::Impl::CheckpointDue() const {
  const CheckpointPolicy& policy = options_.checkpoint;
  const Lsn last = log_->last();
  const WalFigures wal = wal_->figures();
  const std::uint64_t bytes = replayed_.bytes + wal.bytes;
  MutexLock lock(figures_mutex_);
  const std::chrono::nanoseconds age = clock_->Now() - checkpointed_at_;
  if (wal.no_space && age >= kAgeOnFullDisk) return true;
  if (last == checkpointed_last_) return false;
  return (policy.interval.count() > 0 && age >= policy.interval) ||
         (policy.log_bytes > 0 && bytes - checkpointed_bytes_ >= policy.log_bytes) ||
         (policy.operations > 0 && last.value - checkpointed_last_.value >= policy.operations);
}

void Host::Impl::CheckpointIfDue(const Context& context) {
  if (!CheckpointDue() || !wal_->status().ok()) return;
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

void Host::Impl::KeepReserve() {
  const std::uint64_t wanted =
      std::min(checkpoints_->newest_bytes(), options_.checkpoint.reserve_bytes);
  if (absl::Status kept = reserve_->Keep(wanted); !kept.ok()) {
    Notify({.kind = EventKind::kNoSpace,
            .status = std::move(kept),
            .text = "less room than wanted is put aside for a checkpoint"});
  }
}

// On a full disk the reserve is given up for it. The log, which would take that room too, gets what
// a trim behind the checkpoint leaves.
absl::StatusOr<CheckpointInfo> Host::Impl::TakeWithinDisk(const Context& context) {
  absl::StatusOr<CheckpointInfo> info = checkpoints_->Take(context);
  if (!IsNoSpace(info.status()) || reserve_->bytes() == 0) {
    KeepReserve();
    return info;
  }
  DR_RETURN_IF_ERROR(wal_->HoldGrowth(true));
  info = WithinMemory([&]() -> absl::StatusOr<CheckpointInfo> {
    DR_RETURN_IF_ERROR(reserve_->Release().status());
    absl::StatusOr<CheckpointInfo> taken = checkpoints_->Take(context);
    KeepReserve();
    return taken;
  });
  DR_RETURN_IF_ERROR(wal_->HoldGrowth(false));
  return info;
}

absl::StatusOr<CheckpointInfo> Host::Impl::TakeCheckpoint(const Context& context) {
  {
    MutexLock lock(checkpoint_mutex_);
    DR_RETURN_IF_ERROR(AwaitCheckpoint(context));
    checkpoint_under_way_ = true;
  }
  const Lsn last = log_->last();
  const std::uint64_t bytes = replayed_.bytes + wal_->figures().bytes;
  absl::StatusOr<CheckpointInfo> info = WithinMemory([&] { return TakeWithinDisk(context); });
  {
    MutexLock lock(checkpoint_mutex_);
    checkpoint_under_way_ = false;
    checkpoint_ended_.NotifyAll();
  }
  MutexLock lock(figures_mutex_);
  checkpointed_at_ = clock_->Now();
  checkpointed_last_ = last;
  checkpointed_bytes_ = bytes;
  if (!info.ok()) {
    ++checkpoint_failures_;
    return info;
  }
  if (info->sequence == 0) return info;
  ++checkpoint_count_;
  checkpointed_ = info->position;
  pauses_.Add(info->pause_max);
  return info;
}

absl::StatusOr<CheckpointInfo> Host::Impl::Checkpoint(const Context& context) {
  DR_RETURN_IF_ERROR(Usable());
  absl::StatusOr<CheckpointInfo> info = TakeCheckpoint(context);
  if (info.ok() && info->sequence == 0) return info;
  if (info.ok()) {
    Notify({.kind = EventKind::kCheckpoint,
            .lsn = info->position.lsn,
            .duration = info->pause_max,
            .text = fmt::format("checkpoint {}: {} components written, {} carried, {} bytes",
                                info->sequence, info->components_written, info->components_carried,
                                info->bytes)});
  } else {
    Notify({.kind = EventKind::kCheckpointFailed,
            .status = info.status(),
            .text = std::string(AsStd(info.status().message()))});
  }
  return info;
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
  DR_RETURN_IF_ERROR(CheckContext(context, *clock_, "Shutdown"));
  if (absl::Status sealed = wal_->Seal(*log_); result.ok()) result = sealed;
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
  runtime_->completions.Run();
  generation_.lock.reset();
}

Figures Host::Impl::figures() const {
  Figures figures;
  figures.durable = {wal_->epoch(), wal_->durable()};
  for (const auto& [id, core] : components_) {
    figures.operations += core->applied_count();
    figures.pending += core->pending_count();
    if (!core->failure().ok()) figures.failed_components.push_back(core->id());
  }
  figures.replayed = replayed_.operations;
  figures.recovery_time = recovery_time_;
  figures.wal = wal_->figures();
  MutexLock lock(figures_mutex_);
  figures.checkpoints = checkpoint_count_;
  figures.checkpoint_failures = checkpoint_failures_;
  figures.checkpointed = checkpointed_;
  const RecentDurations::Quantiles pauses = pauses_.quantiles();
  figures.checkpoint_pause_p50 = pauses.p50;
  figures.checkpoint_pause_p99 = pauses.p99;
  figures.checkpoint_pause_max = pauses.max;
  return figures;
}

absl::StatusOr<std::unique_ptr<Host>> Host::Open(HostOptions options, const AdapterRegistry&,
                                                 const Context& context) {
  return WithinMemory([&]() -> absl::StatusOr<std::unique_ptr<Host>> {
    auto impl = std::make_unique<Impl>(std::move(options));
    DR_RETURN_IF_ERROR(impl->Open(context));
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
absl::Status Host::Shutdown(const Context& context) {
  return WithinMemory([&] { return impl_->Shutdown(context); });
}
Figures Host::figures() const { return impl_->figures(); }

}  // namespace dr::inline v0
