// A repository and no directory: state is in memory, and what checkpoints save is all that
// survives.

#include <atomic>
#include <utility>
#include <vector>

#include "dr/layers.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"
#include "src/host/backing.h"
#include "src/host/store_watch.h"

namespace dr::inline v0 {
namespace {

// Of hosts that were opened and saved nothing: without a bound a store would fill with them.
constexpr std::uint32_t kClaimsKept = 8;

class RepositoryBacking final : public Backing {
 public:
  explicit RepositoryBacking(const Surroundings& surroundings)
      : around_(surroundings),
        watch_(surroundings.clock, surroundings.options.environment.observer),
        patience_(surroundings.clock) {}

  absl::Status Open(const AdapterRegistry& adapters, const Context& context);

  OperationLog& log() override { return *log_; }
  Durability durability_max() const override { return Durability::kProcess; }
  void Begin(Runtime& runtime) override;
  const Found& found() const override { return found_; }
  absl::Status status() const override { return sink_->status(); }
  LogNeeds Needs() const override { return {}; }
  absl::Status KeepLog(bool) override { return sink_->status(); }
  std::optional<std::chrono::nanoseconds> checkpoint_anyway() const override {
    const CheckpointPolicy& policy = around_.options.checkpoint;
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
  std::uint64_t bytes() const override { return sink_->bytes(); }
  std::optional<Position> checkpointed() const override { return checkpoints_->newest(); }
  void LimitPatience() override { patience_.Limit(); }
  void AddTo(Figures& figures) const override {
    figures.durable = figures.checkpointed;
    figures.store = watch_.state();
  }

 private:
  absl::StatusOr<std::unique_ptr<Repository>> OpenOnce(const Context& context);
  void TellDoubts() const;

  const Surroundings around_;
  StoreWatch watch_;
  Patience patience_;
  std::unique_ptr<StateAdapter> store_;
  Claimed claimed_;
  std::unique_ptr<ForgetfulLog> sink_;
  std::unique_ptr<OperationLog> log_;
  std::unique_ptr<RepositoryCheckpoints> checkpoints_;
  Found found_;
  std::atomic<bool> failed_ = false;  ///< the last checkpoint: what it should have saved is not
};

absl::StatusOr<std::unique_ptr<Repository>> RepositoryBacking::OpenOnce(const Context& context) {
  RepositoryOptions options{.shared = true};
  if (const auto ttl = around_.options.checkpoint.ttl; ttl.count() > 0) {
    options.ttl = absl::FromChrono(ttl);
  }
  return Repository::Open(*store_, around_.clock, around_.random, options, context);
}

absl::Status RepositoryBacking::Open(const AdapterRegistry& adapters, const Context& context) {
  const HostOptions& options = around_.options;
  const AdapterEnvironment environment{&around_.files, &around_.clock, &around_.random};
  DR_ASSIGN_OR_RETURN(store_, adapters.Open(options.repository, environment, context));
  DR_ASSIGN_OR_RETURN(
      store_, AddLayers(std::move(store_), {},
                        {.clock = &around_.clock, .random = &around_.random, .observer = &watch_}));
  store_ = patience_.Apply(std::move(store_));
  DR_ASSIGN_OR_RETURN(
      claimed_, LoadAndClaim([&] { return OpenOnce(context); }, around_.components,
                             around_.upgrades, options.recovery.retired, around_.clock, context));
  const BackupManifest& manifest = claimed_.manifest;
  if (absl::Status pruned = claimed_.repository->Prune(options.checkpoint.keep + kClaimsKept,
                                                       manifest.epoch, context);
      !pruned.ok()) {
    around_.Notify({.kind = EventKind::kPruneFailed,
                    .status = pruned,
                    .text = std::string(AsStd(pruned.message()))});
  }
  const auto trust = options.recovery.trust_clock ? LogTime::Trust::kClock : LogTime::Trust::kTimes;
  sink_ = std::make_unique<ForgetfulLog>(
      around_.clock, manifest.durable_lsn,
      LogTime(around_.clock, absl::ToUnixNanos(manifest.created), trust));
  log_ = std::make_unique<OperationLog>(
      *sink_, OperationLogOptions{.capacity = options.log.ring_capacity}, manifest.durable_lsn);
  found_.last = manifest.durable_lsn;
  found_.age = absl::ToChronoNanoseconds(around_.clock.WallTime() - manifest.created);
  return absl::OkStatus();
}

void RepositoryBacking::Begin(Runtime& runtime) {
  checkpoints_ = std::make_unique<RepositoryCheckpoints>(
      runtime, *sink_, *claimed_.repository, around_.components, around_.upgrades,
      around_.options.checkpoint, std::move(claimed_.manifest));
  std::uint64_t restored = 0, empty = 0, missing = 0;
  for (const auto& [id, component] : around_.components) {
    const StateOutcome outcome = checkpoints_->OutcomeOf(id);
    ++(outcome == StateOutcome::kRestored ? restored
       : outcome == StateOutcome::kEmpty  ? empty
                                          : missing);
  }
  found_.text = fmt::format("recovered up to {}; components restored: {}, empty: {}, missing: {}",
                            found_.last.value, restored, empty, missing);
  TellDoubts();
}

void RepositoryBacking::TellDoubts() const {
  const Capabilities& can = store_->capabilities();
  std::vector<std::string> doubts;
  if (!can.fence_safe) doubts.push_back("that two hosts do not both write is not excluded");
  if (!can.durable) doubts.push_back("what it has taken may be lost with its power");
  if (doubts.empty()) return;
  for (std::string& why : store_->Doubts()) doubts.push_back(std::move(why));
  around_.Notify(
      {.kind = EventKind::kWeakStore,
       .text = fmt::format("what this store promises is not enough: {}", fmt::join(doubts, "; "))});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Backing>> OpenRepository(const Surroundings& surroundings,
                                                        const AdapterRegistry& adapters,
                                                        const Context& context) {
  auto backing = std::make_unique<RepositoryBacking>(surroundings);
  DR_RETURN_IF_ERROR(backing->Open(adapters, context));
  return backing;
}

}  // namespace dr::inline v0
