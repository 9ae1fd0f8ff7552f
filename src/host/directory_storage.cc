// A directory: a log, and checkpoints beside it.

#include <algorithm>
#include <atomic>
#include <bit>
#include <optional>
#include <utility>
#include <vector>

#include "dr/adapter/adapter_calls.h"
#include "dr/adapter/directory_store.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/checkpoint/checkpoint_writer.h"
#include "src/directory/host_directory.h"
#include "src/directory/reserve.h"
#include "src/host/host_storage.h"
#include "src/log/segment_files.h"

namespace dr::inline v0 {
namespace {

// Of a checkpoint that one may succeed.
constexpr auto kAgeOnFullDisk = std::chrono::seconds(1);
constexpr auto kAgeOnSmallVolume = std::chrono::milliseconds(50);

// The live segment and the spares together take less than a tenth of a volume.
constexpr std::uint64_t kSegmentsPerVolume = 64;
constexpr std::uint64_t kSegmentBytesMin = 64 << 10, kSegmentBytesMax = 64 << 20;
// A volume on which segments are smaller than usual is small in all.
constexpr std::uint64_t kSmallVolumeBytes = kSegmentsPerVolume * kSegmentBytesMax;
constexpr std::uint64_t kFirstReserveBytes = 1 << 20;  // before a checkpoint has told its size

std::uint64_t SegmentBytesOf(const LogLimits& log, const VolumeInfo& volume) {
  if (log.segment_bytes != 0) return log.segment_bytes;
  if (volume.total_bytes == 0) return kSegmentBytesMax;
  return std::clamp(std::bit_floor(volume.total_bytes / kSegmentsPerVolume), kSegmentBytesMin,
                    kSegmentBytesMax);
}

// The log prepares a block for each operation that may come, and as many again.
std::uint32_t RingCapacityOf(const LogLimits& log, const VolumeInfo& volume) {
  constexpr std::uint64_t kBytesPerOperation = 16 * kBlockBytes;  // an eighth of the volume in all
  if (volume.total_bytes == 0) return log.ring_capacity;
  const std::uint64_t most = std::bit_floor(volume.total_bytes / kBytesPerOperation);
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(most, 2, log.ring_capacity));
}

bool IsSmall(const VolumeInfo& volume) {
  return volume.total_bytes != 0 && volume.total_bytes < kSmallVolumeBytes;
}

class DirectoryStorage final : public HostStorage {
 public:
  explicit DirectoryStorage(const HostContext& host) : host_(host) {}

  absl::Status Open(const Context& context);

  OperationLog& log() override { return *log_; }
  Epoch epoch() const override { return wal_->epoch(); }
  Durability durability_max() const override { return Durability::kLocal; }
  const OpenResult& result() const override { return result_; }
  absl::Status status() const override { return wal_->status(); }
  LogNeeds Needs() const override {
    const WalFigures figures = wal_->figures();
    return {.seal = figures.unsealed_records > 0 || log_->durable() < log_->last(),
            .room = figures.no_space};
  }
  absl::Status KeepLog(bool at_rest) override;
  std::optional<std::chrono::nanoseconds> checkpoint_anyway() const override;
  absl::StatusOr<CheckpointInfo> Take(const Context& context) override;
  RepositoryCheckpoints* direct() override { return nullptr; }
  absl::Status Seal() override { return wal_->Seal(); }
  void LimitPatience() override {}
  std::chrono::nanoseconds time_ahead() const override { return wal_->time_ahead(); }
  CheckpointSchedule::LogEnd log_end() const override {
    return {log_->last(), result_.replayed.bytes + wal_->figures().bytes};
  }
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
  std::uint64_t ReserveWanted(std::uint64_t checkpoint_bytes) const;
  void NotifyOfOpening() const;
  void NotifyOfWeaknesses() const;

  const HostContext host_;
  /// Destroyed last: what follows is closed before its lock is given back.
  HostDirectory directory_;
  VolumeInfo volume_ = {};
  std::uint64_t segment_bytes_ = 0;
  std::unique_ptr<DirectoryStore> store_;
  std::unique_ptr<Repository> repository_;
  std::unique_ptr<Wal> wal_;
  std::unique_ptr<OperationLog> log_;
  OpenResult result_;
  std::unique_ptr<CheckpointWriter> checkpoints_;
  std::optional<Reserve> reserve_;
  std::atomic<std::uint64_t> rotations_at_checkpoint_ = 0;  ///< when the last was begun
};

absl::Status DirectoryStorage::Open(const Context& context) {
  const HostOptions& options = host_.options;
  DR_ASSIGN_OR_RETURN(directory_, HostDirectory::Open(host_.files, options.directory));
  DR_ASSIGN_OR_RETURN(store_, DirectoryStore::Open(std::move(directory_.store), host_.random,
                                                   host_.clock, context, Writers::kOne));
  DR_ASSIGN_OR_RETURN(reserve_, Reserve::Open(*directory_.root));
  DR_ASSIGN_OR_RETURN(volume_, directory_.wal->Volume());
  segment_bytes_ = SegmentBytesOf(options.log, volume_);
  // Before the log takes what there is. Where nothing is left, what there is has to do.
  if (IsSmall(volume_) && reserve_->bytes() == 0) {
    static_cast<void>(reserve_->Keep(ReserveWanted(0)));
  }
  DR_ASSIGN_OR_RETURN(repository_,
                      Repository::Open(*store_, host_.clock, host_.random, {}, context));
  Observer* observer = options.environment.observer;
  const WalOptions wal_options{.clock = &host_.clock,
                               .random = &host_.random,
                               .observer = observer,
                               .segment_bytes = segment_bytes_,
                               .group_bytes = std::min(options.log.group_bytes, segment_bytes_),
                               .trust_clock = options.recovery.trust_clock};
  const auto recover = [&] {
    return RecoverComponents(*repository_, *directory_.wal, wal_options, host_.components, observer,
                             context);
  };
  absl::StatusOr<Recovered> opened = recover();
  if (IsFault(opened.status(), FaultKind::kNoSpace)) {
    // Nothing was replayed yet: the log had no room for its next segment. A checkpoint would need
    // it as well.
    DR_ASSIGN_OR_RETURN(const bool released, reserve_->Release());
    if (released) opened = recover();
  }
  DR_ASSIGN_OR_RETURN(Recovered recovered, std::move(opened));
  wal_ = std::move(recovered.wal);
  log_ = std::make_unique<OperationLog>(
      *wal_, OperationLogOptions{.capacity = RingCapacityOf(options.log, volume_)});
  result_.last = wal_->recovery().last;
  result_.replayed = recovered.replayed;
  result_.retired = std::move(recovered.retired);
  result_.text = fmt::format("recovered up to {}; {} operations replayed", result_.last.value,
                             result_.replayed.operations);
  // What was replayed counts towards the next checkpoint, and so does the age of the one before: a
  // host that is opened often takes them as one that runs through.
  if (recovered.manifest) {
    result_.age = absl::ToChronoNanoseconds(host_.clock.WallTime() - recovered.manifest->created);
  } else if (!wal_->recovery().created) {
    result_.age = options.checkpoint.interval;
  }
  checkpoints_ =
      std::make_unique<CheckpointWriter>(CheckpointContext{.log = *log_,
                                                           .clock = host_.clock,
                                                           .observer = observer,
                                                           .repository = *repository_,
                                                           .components = host_.components,
                                                           .policy = options.checkpoint},
                                         *wal_, std::move(recovered.manifest));
  NotifyOfOpening();
  return absl::OkStatus();
}

void DirectoryStorage::NotifyOfOpening() const {
  const WalRecovery& recovery = wal_->recovery();
  if (recovery.groups_behind > 0) {
    host_.Notify({.kind = EventKind::kTornTailCut,
                  .lsn = recovery.last,
                  .text = fmt::format("{} unfinished groups behind {} were set aside",
                                      recovery.groups_behind, recovery.last.value)});
  }
  if (!wal_->figures().direct) {
    host_.Notify(
        {.kind = EventKind::kBuffered,
         .text = "no direct writes on this file system; each group is a write and a sync"});
  }
  if (host_.options.durability == Durability::kLocal) NotifyOfWeaknesses();
}

void DirectoryStorage::NotifyOfWeaknesses() const {
  std::vector<std::string> weaknesses = WeaknessesOf(volume_);
  const absl::StatusOr<bool> in_place = directory_.wal->OverwriteInPlace();
  if (in_place.ok() && !*in_place) weaknesses.emplace_back(kCopiesOnWrite);
  if (weaknesses.empty()) return;
  host_.Notify({.kind = EventKind::kWeakStore,
                .text = fmt::format("what this directory promises is not enough: {}",
                                    fmt::join(weaknesses, "; "))});
}

// On a small volume the log must not wait for the policy's size, which may be more than there is.
std::optional<std::chrono::nanoseconds> DirectoryStorage::checkpoint_anyway() const {
  const WalFigures figures = wal_->figures();
  const std::uint64_t grown = (figures.rotations - rotations_at_checkpoint_) * segment_bytes_;
  if (IsSmall(volume_) && grown > volume_.total_bytes / 8) return kAgeOnSmallVolume;
  return figures.no_space ? std::optional<std::chrono::nanoseconds>(kAgeOnFullDisk) : std::nullopt;
}

std::uint64_t DirectoryStorage::ReserveWanted(std::uint64_t checkpoint_bytes) const {
  const std::uint64_t first =
      IsSmall(volume_) ? std::min(kFirstReserveBytes, volume_.total_bytes / 16) : 0;
  return std::min(std::max(checkpoint_bytes, first), host_.options.checkpoint.reserve_bytes);
}

absl::Status DirectoryStorage::KeepLog(bool at_rest) {
  if (at_rest && Needs().seal) DR_RETURN_IF_ERROR(wal_->Seal());
  for (;;) {
    DR_ASSIGN_OR_RETURN(bool more, wal_->Prepare());
    if (!more) return absl::OkStatus();
  }
}

void DirectoryStorage::KeepReserve() {
  absl::Status kept = reserve_->Keep(ReserveWanted(checkpoints_->newest_bytes()));
  if (!kept.ok()) {
    host_.Notify({.kind = EventKind::kNoSpace,
                  .status = std::move(kept),
                  .text = "less room than wanted is put aside for a checkpoint"});
  }
}

// On a full disk the reserve is given up for it. The log, which would take that room too, gets what
// a trim behind the checkpoint leaves.
absl::StatusOr<CheckpointInfo> DirectoryStorage::Take(const Context& context) {
  rotations_at_checkpoint_ = wal_->figures().rotations;
  absl::StatusOr<CheckpointInfo> info = checkpoints_->Take(context);
  if (!IsFault(info.status(), FaultKind::kNoSpace) || reserve_->bytes() == 0) {
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

absl::StatusOr<std::unique_ptr<HostStorage>> OpenDirectory(const HostContext& host,
                                                           const Context& context) {
  auto storage = std::make_unique<DirectoryStorage>(host);
  DR_RETURN_IF_ERROR(storage->Open(context));
  return storage;
}

}  // namespace dr::inline v0
