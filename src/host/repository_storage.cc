// A repository and no directory: state is in memory, and what checkpoints save is all that
// survives.

#include <atomic>
#include <utility>
#include <vector>

#include "dr/adapter/layers.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/host/host_storage.h"
#include "src/host/patience.h"

namespace dr::inline v0 {
namespace {

// Of hosts that were opened and saved nothing: without a bound a store would fill with them.
constexpr std::uint32_t kClaimsKept = 8;

class RepositoryStorage final : public HostStorage {
 public:
  explicit RepositoryStorage(const HostContext& host)
      : host_(host), patience_(host.clock, metrics_) {}

  absl::Status Open(const AdapterRegistry& adapters, const Context& context);

  OperationLog& log() override { return *log_; }
  Epoch epoch() const override { return claimed_.manifest.epoch; }
  Durability durability_max() const override { return Durability::kProcess; }
  const OpenResult& result() const override { return result_; }
  absl::Status status() const override { return sink_->status(); }
  LogNeeds Needs() const override { return {}; }
  absl::Status KeepLog(bool) override { return sink_->status(); }
  std::optional<std::chrono::nanoseconds> checkpoint_anyway() const override {
    const CheckpointPolicy& policy = host_.options.checkpoint;
    if (policy.interval.count() == 0 || (policy.ttl.count() == 0 && !failed_)) return std::nullopt;
    return policy.interval;
  }
  absl::StatusOr<CheckpointInfo> Take(const Context& context) override {
    absl::StatusOr<CheckpointInfo> info = checkpoints_->Take(context);
    failed_ = !info.ok();
    return info;
  }
  RepositoryCheckpoints* direct() override { return checkpoints_.get(); }
  absl::Status Seal() override { return absl::OkStatus(); }
  std::chrono::nanoseconds time_ahead() const override { return sink_->time_ahead(); }
  CheckpointSchedule::LogEnd log_end() const override { return {log_->last(), sink_->bytes()}; }
  std::optional<Position> checkpointed() const override { return checkpoints_->newest(); }
  void LimitPatience() override { patience_.Limit(); }
  void AddTo(Figures& figures) const override {
    figures.durable = figures.checkpointed;
    figures.store = metrics_.Read();
  }

 private:
  absl::StatusOr<std::unique_ptr<Repository>> OpenOnce(const Context& context);
  void NotifyOfWeaknesses() const;

  const HostContext host_;
  StoreMetrics metrics_;
  Patience patience_;
  std::unique_ptr<StateAdapter> store_;
  Claimed claimed_;
  std::unique_ptr<UnloggedSink> sink_;
  std::unique_ptr<OperationLog> log_;
  std::unique_ptr<RepositoryCheckpoints> checkpoints_;
  OpenResult result_;
  std::atomic<bool> failed_ = false;  ///< the last checkpoint: what it should have saved is not
};

absl::StatusOr<std::unique_ptr<Repository>> RepositoryStorage::OpenOnce(const Context& context) {
  RepositoryOptions options{.shared = true};
  if (const auto ttl = host_.options.checkpoint.ttl; ttl.count() > 0) {
    options.ttl = absl::FromChrono(ttl);
  }
  return Repository::Open(*store_, host_.clock, host_.random, options, context);
}

absl::Status RepositoryStorage::Open(const AdapterRegistry& adapters, const Context& context) {
  const HostOptions& options = host_.options;
  const AdapterEnvironment environment{&host_.files, &host_.clock, &host_.random};
  DR_ASSIGN_OR_RETURN(store_, adapters.Open(options.repository, environment, context));
  DR_ASSIGN_OR_RETURN(store_, AddLayers(std::move(store_), options.store,
                                        {.clock = &host_.clock,
                                         .random = &host_.random,
                                         .observer = options.environment.observer,
                                         .metrics = &metrics_}));
  store_ = patience_.Apply(std::move(store_));
  DR_ASSIGN_OR_RETURN(claimed_, LoadAndClaim([&] { return OpenOnce(context); }, host_.components,
                                             host_.clock, context));
  const BackupManifest& manifest = claimed_.manifest;
  if (absl::Status pruned = claimed_.repository->Prune(options.checkpoint.keep + kClaimsKept,
                                                       manifest.epoch, context);
      !pruned.ok()) {
    host_.Notify({.kind = EventKind::kPruneFailed,
                  .status = pruned,
                  .text = std::string(AsStd(pruned.message()))});
  }
  const auto trust = options.recovery.trust_clock ? LogTime::Trust::kClock : LogTime::Trust::kTimes;
  sink_ = std::make_unique<UnloggedSink>(
      host_.clock, manifest.durable_lsn,
      LogTime(host_.clock, absl::ToUnixNanos(manifest.created), trust));
  log_ = std::make_unique<OperationLog>(*sink_,
                                        OperationLogOptions{.capacity = options.log.ring_capacity});
  result_.last = manifest.durable_lsn;
  result_.retired = RetiredIn(manifest, host_.components);
  result_.age = absl::ToChronoNanoseconds(host_.clock.WallTime() - manifest.created);
  checkpoints_ = std::make_unique<RepositoryCheckpoints>(
      CheckpointContext{.log = *log_,
                        .clock = host_.clock,
                        .observer = options.environment.observer,
                        .repository = *claimed_.repository,
                        .components = host_.components,
                        .policy = options.checkpoint},
      *sink_, std::move(claimed_.manifest));
  std::uint64_t restored = 0, empty = 0, missing = 0;
  for (const auto& [id, component] : host_.components) {
    const StateOutcome outcome = checkpoints_->OutcomeOf(id);
    ++(outcome == StateOutcome::kRestored ? restored
       : outcome == StateOutcome::kEmpty  ? empty
                                          : missing);
  }
  result_.text = fmt::format("recovered up to {}; components restored: {}, empty: {}, missing: {}",
                             result_.last.value, restored, empty, missing);
  NotifyOfWeaknesses();
  return absl::OkStatus();
}

void RepositoryStorage::NotifyOfWeaknesses() const {
  const Capabilities& can = store_->capabilities();
  std::vector<std::string> weaknesses;
  if (!can.fence_safe) weaknesses.push_back("that two hosts do not both write is not excluded");
  if (!can.durable) weaknesses.push_back("what it has taken may be lost with its power");
  if (weaknesses.empty()) return;
  weaknesses.insert(weaknesses.end(), can.weaknesses.begin(), can.weaknesses.end());
  host_.Notify({.kind = EventKind::kWeakStore,
                .text = fmt::format("what this store promises is not enough: {}",
                                    fmt::join(weaknesses, "; "))});
}

}  // namespace

absl::StatusOr<std::unique_ptr<HostStorage>> OpenRepository(const HostContext& host,
                                                            const AdapterRegistry& adapters,
                                                            const Context& context) {
  auto storage = std::make_unique<RepositoryStorage>(host);
  DR_RETURN_IF_ERROR(storage->Open(adapters, context));
  return storage;
}

}  // namespace dr::inline v0
