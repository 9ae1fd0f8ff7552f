// A directory: a log, and checkpoints beside it.

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "dr/directory_store.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/base/status_macros.h"
#include "src/host/backing.h"
#include "src/host/reserve.h"
#include "src/runtime/checkpoint_writer.h"
#include "src/runtime/generation.h"

namespace dr::inline v0 {
namespace {

constexpr auto kAgeOnFullDisk = std::chrono::seconds(1);  // of a checkpoint that one may succeed

bool IsNoSpace(const absl::Status& status) {
  const std::optional<Fault> fault = FaultOf(status);
  return fault && fault->kind == FaultKind::kNoSpace;
}

class DirectoryBacking final : public Backing {
 public:
  explicit DirectoryBacking(const Surroundings& surroundings) : around_(surroundings) {}

  absl::Status Open(const Context& context);

  OperationLog& log() override { return *log_; }
  Durability durability_max() const override { return Durability::kLocal; }
  void Begin(Runtime& runtime) override;
  const Found& found() const override { return found_; }
  absl::Status status() const override { return wal_->status(); }
  LogNeeds Needs() const override {
    const WalFigures figures = wal_->figures();
    return {.seal = figures.unsealed_records > 0 || log_->durable() < log_->last(),
            .room = figures.no_space};
  }
  absl::Status KeepLog(bool at_rest) override;
  std::optional<std::chrono::nanoseconds> checkpoint_anyway() const override {
    if (!wal_->figures().no_space) return std::nullopt;
    return kAgeOnFullDisk;
  }
  absl::StatusOr<CheckpointInfo> Take(const Context& context) override;
  RepositoryCheckpoints* direct() override { return nullptr; }
  absl::Status Seal() override { return wal_->Seal(*log_); }
  void LimitPatience() override {}
  std::chrono::nanoseconds time_ahead() const override { return wal_->time_ahead(); }
  std::uint64_t bytes() const override { return found_.replayed.bytes + wal_->figures().bytes; }
  std::optional<Position> checkpointed() const override {
    const Position newest = checkpoints_->newest();
    return newest == Position{} ? std::nullopt : std::optional(newest);
  }
  void AddTo(Figures& figures) const override {
    figures.durable = {wal_->epoch(), wal_->durable()};
    figures.wal = wal_->figures();
  }

 private:
  void KeepReserve();

  const Surroundings around_;
  Generation generation_;  ///< destroyed last: what follows is closed before its lock is given back
  std::unique_ptr<DirectoryStore> store_;
  std::unique_ptr<Repository> repository_;
  std::unique_ptr<Wal> wal_;
  std::unique_ptr<OperationLog> log_;
  std::optional<BackupManifest> manifest_;  ///< until Begin
  Found found_;
  std::unique_ptr<CheckpointWriter> checkpoints_;
  std::optional<Reserve> reserve_;
};

absl::Status DirectoryBacking::Open(const Context& context) {
  const HostOptions& options = around_.options;
  DR_ASSIGN_OR_RETURN(generation_, OpenGeneration(around_.files, options.directory));
  DR_ASSIGN_OR_RETURN(
      store_, DirectoryStore::Open(std::move(generation_.store), around_.random, around_.clock));
  DR_ASSIGN_OR_RETURN(reserve_, Reserve::Open(*generation_.root));
  DR_ASSIGN_OR_RETURN(repository_,
                      Repository::Open(*store_, around_.clock, around_.random, {}, context));
  Observer* observer = options.environment.observer;
  const WalOptions wal_options{.clock = &around_.clock,
                               .random = &around_.random,
                               .observer = observer,
                               .segment_bytes = options.log.segment_bytes,
                               .group_bytes = options.log.group_bytes,
                               .trust_clock = options.recovery.trust_clock};
  DR_ASSIGN_OR_RETURN(
      Recovered recovered,
      RecoverComponents(*repository_, *generation_.wal, wal_options, around_.components,
                        around_.upgrades, options.recovery.retired, observer, context));
  wal_ = std::move(recovered.wal);
  log_ = std::make_unique<OperationLog>(
      *wal_, OperationLogOptions{.capacity = options.log.ring_capacity}, wal_->durable());
  manifest_ = std::move(recovered.manifest);
  found_.last = wal_->recovery().last;
  found_.replayed = recovered.replayed;
  found_.text = fmt::format("recovered up to {}; {} operations replayed", found_.last.value,
                            found_.replayed.operations);
  // What was replayed counts towards the next checkpoint, and so does the age of the one before: a
  // host that is opened often takes them as one that runs through.
  if (manifest_) {
    found_.age = absl::ToChronoNanoseconds(around_.clock.WallTime() - manifest_->created);
  } else if (!wal_->recovery().created) {
    found_.age = options.checkpoint.interval;
  }
  return absl::OkStatus();
}

void DirectoryBacking::Begin(Runtime& runtime) {
  std::vector<ComponentCore*> cores;
  for (const auto& [id, core] : around_.components) cores.push_back(core);
  checkpoints_ =
      std::make_unique<CheckpointWriter>(runtime, *wal_, *repository_, std::move(cores),
                                         around_.options.checkpoint, std::move(manifest_));
  const WalRecovery& recovery = wal_->recovery();
  if (recovery.groups_behind > 0) {
    around_.Notify({.kind = EventKind::kTornTailCut,
                    .lsn = recovery.last,
                    .text = fmt::format("{} unfinished groups behind {} were set aside",
                                        recovery.groups_behind, recovery.last.value)});
  }
  if (!wal_->figures().direct) {
    around_.Notify(
        {.kind = EventKind::kBuffered,
         .text = "no direct writes on this file system; each group is a write and a sync"});
  }
}

absl::Status DirectoryBacking::KeepLog(bool at_rest) {
  if (at_rest && Needs().seal) DR_RETURN_IF_ERROR(wal_->Seal(*log_));
  for (;;) {
    DR_ASSIGN_OR_RETURN(bool more, wal_->Prepare(*log_));
    if (!more) return absl::OkStatus();
  }
}

void DirectoryBacking::KeepReserve() {
  const std::uint64_t wanted =
      std::min(checkpoints_->newest_bytes(), around_.options.checkpoint.reserve_bytes);
  if (absl::Status kept = reserve_->Keep(wanted); !kept.ok()) {
    around_.Notify({.kind = EventKind::kNoSpace,
                    .status = std::move(kept),
                    .text = "less room than wanted is put aside for a checkpoint"});
  }
}

// On a full disk the reserve is given up for it. The log, which would take that room too, gets what
// a trim behind the checkpoint leaves.
absl::StatusOr<CheckpointInfo> DirectoryBacking::Take(const Context& context) {
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

}  // namespace

absl::StatusOr<std::unique_ptr<Backing>> OpenDirectory(const Surroundings& surroundings,
                                                       const Context& context) {
  auto backing = std::make_unique<DirectoryBacking>(surroundings);
  DR_RETURN_IF_ERROR(backing->Open(context));
  return backing;
}

}  // namespace dr::inline v0
