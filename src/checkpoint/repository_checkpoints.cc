#include "src/checkpoint/repository_checkpoints.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/assert.h"
#include "src/component/joint_freeze.h"

namespace dr::inline v0 {
namespace {

class BufferedReader final : public StateReader {
 public:
  absl::Status Gather(StateReader& from) {
    for (;;) {
      DR_ASSIGN_OR_RETURN(std::optional<std::string_view> record, from.Next());
      if (!record) return absl::OkStatus();
      records_.emplace_back(*record);
    }
  }
  absl::StatusOr<std::optional<std::string_view>> Next() override {
    if (next_ == records_.size()) return std::nullopt;
    return std::optional<std::string_view>(records_[next_++]);
  }

 private:
  std::vector<std::string> records_;
  std::size_t next_ = 0;
};

absl::Status CheckNoLog(const BackupManifest& manifest) {
  if (manifest.log.high == 0) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kUsage, .next = "open the directory it belongs to"},
                   "the repository holds the checkpoints of a host with a directory, which are "
                   "nothing without its log");
}

}  // namespace

absl::StatusOr<Claimed> LoadAndClaim(
    const std::function<absl::StatusOr<std::unique_ptr<Repository>>()>& open,
    const ComponentSet& components, const Clock& clock, const Context& context) {
  // Another try means that another host has published meanwhile.
  for (;;) {
    DR_RETURN_IF_ERROR(CheckContext(context, clock, "Open"));
    DR_ASSIGN_OR_RETURN(std::unique_ptr<Repository> repository, open());
    // Before the claim: a host that cannot go on must not end one that can.
    absl::StatusOr<std::optional<BackupManifest>> newest = repository->Newest(context);
    absl::Status loaded = newest.status();
    if (newest.ok() && *newest) {
      loaded = CheckNoLog(**newest);
      if (loaded.ok()) {
        loaded = LoadManifest(*repository, **newest, components, context);
      }
    }
    if (loaded.ok()) {
      absl::StatusOr<BackupManifest> claim = repository->Claim(*std::move(newest), context);
      if (claim.ok()) return Claimed{std::move(repository), *std::move(claim)};
      if (!absl::IsAborted(claim.status())) return claim.status();
    } else {
      // The host that has it may have published meanwhile, and pruned what was being read.
      DR_ASSIGN_OR_RETURN(const bool surpassed, repository->IsSurpassed(context));
      if (!surpassed) return loaded;
    }
    // What the next one does not have must not stay from this one.
    DR_RETURN_IF_ERROR(components.Clear());
  }
}

RepositoryCheckpoints::RepositoryCheckpoints(const CheckpointContext& context, UnloggedSink& sink,
                                             BackupManifest claimed)
    : of_(context), sink_(sink), newest_(std::move(claimed)) {
  for (const auto& [id, component] : of_.components) {
    if (FindSnapshot(newest_, id) == nullptr) unsaved_[id] = component->applied();
  }
}

std::string_view NameOf(StateOutcome outcome) {
  switch (outcome) {
    case StateOutcome::kRestored:
      return "restored";
    case StateOutcome::kEmpty:
      return "empty";
    case StateOutcome::kMissing:
      return "missing";
  }
  return "unknown";
}

StateOutcome RepositoryCheckpoints::OutcomeOf(std::string_view component) const {
  const ComponentSnapshot* saved = FindSnapshot(newest_, component);
  if (saved == nullptr) return StateOutcome::kMissing;
  return saved->records == 0 ? StateOutcome::kEmpty : StateOutcome::kRestored;
}

absl::StatusOr<CheckpointInfo> RepositoryCheckpoints::Take(const Context& context) {
  return Publish(of_.components.All(), nullptr, context);
}

absl::StatusOr<CheckpointInfo> RepositoryCheckpoints::Save(ComponentCore& component,
                                                           const Context& context) {
  unsaved_.erase(component.id());
  // What expires is not carried on.
  if (of_.policy.ttl.count() > 0) return Publish(of_.components.All(), nullptr, context);
  return Publish({&component}, nullptr, context);
}

absl::StatusOr<CheckpointInfo> RepositoryCheckpoints::Delete(ComponentCore& component,
                                                             const Context& context) {
  const Lsn applied = component.applied();
  std::vector<ComponentCore*> others;
  if (of_.policy.ttl.count() > 0) others = of_.components.All();
  std::erase(others, &component);
  DR_ASSIGN_OR_RETURN(CheckpointInfo info, Publish(others, &component, context));
  unsaved_[component.id()] = applied;
  return info;
}

absl::StatusOr<std::vector<Frozen>> RepositoryCheckpoints::Freeze(
    const std::vector<ComponentCore*>& chosen, const Context& context) const {
  std::vector<FreezeRequest> requests;
  for (ComponentCore* component : chosen) {
    DR_RETURN_IF_ERROR(component->failure());
    std::optional<Lsn> previous;
    if (const auto given_up = unsaved_.find(component->id()); given_up != unsaved_.end()) {
      previous = given_up->second;
    } else if (of_.policy.ttl.count() == 0) {
      previous = Comparable(FindSnapshot(newest_, component->id()), *component);
    }
    requests.push_back({component, previous});
  }
  return FreezeTogether(requests, context);
}

absl::StatusOr<CheckpointInfo> RepositoryCheckpoints::Publish(
    const std::vector<ComponentCore*>& chosen, const ComponentCore* deleted,
    const Context& context) {
  DR_RETURN_IF_ERROR(sink_.status());
  absl::StatusOr<CheckpointInfo> info = Write(chosen, deleted, context);
  if (absl::IsAborted(info.status())) return End();
  const bool useless = absl::IsInternal(info.status()) || absl::IsResourceExhausted(info.status());
  // What was written in vain is pruned at once if the store answers, otherwise after the next one.
  if (useless || (info.ok() && info->sequence > 0)) Prune(context);
  return info;
}

absl::StatusOr<CheckpointInfo> RepositoryCheckpoints::Write(
    const std::vector<ComponentCore*>& chosen, const ComponentCore* deleted,
    const Context& context) {
  DR_RETURN_IF_ERROR(Settle(context));
  BackupManifest next{.log = newest_.log,
                      .epoch = newest_.epoch,
                      .durable_lsn = newest_.durable_lsn,
                      .created = of_.clock.WallTime()};
  DR_ASSIGN_OR_RETURN(std::vector<Frozen> frozen, Freeze(chosen, context));
  const SnapshotTarget target{of_, next.epoch};
  CheckpointInfo info;
  std::size_t taken = 0;
  for (const auto& [id, component] : of_.components) {
    const ComponentSnapshot* saved = FindSnapshot(newest_, id);
    if (taken < chosen.size() && chosen[taken] == component.get()) {
      Frozen& one = frozen[taken++];
      if (!one.changed && saved == nullptr) continue;  // given up
      DR_RETURN_IF_ERROR(CheckContext(context, of_.clock, "the checkpoint"));
      DR_ASSIGN_OR_RETURN(next.components.emplace_back(),
                          TakeSnapshot(*component, std::move(one), saved, target, info, context));
    } else if (saved != nullptr && component.get() != deleted) {
      next.components.push_back(*saved);
      ++info.components_carried;
    }
  }
  DR_ASSERT(taken == chosen.size());
  next.as_of = of_.log.last();
  for (const ComponentSnapshot& snapshot : next.components) {
    next.as_of = std::min(next.as_of, snapshot.as_of);
    next.durable_lsn = std::max(next.durable_lsn, snapshot.as_of);
  }
  info.position = {next.epoch, next.as_of};
  if (info.components_written == 0 && next.components.size() == newest_.components.size() &&
      of_.policy.ttl.count() == 0) {
    // All is saved: that the store does not answer is no failure, that another host has it is.
    if (of_.repository.IsSurpassed(context).value_or(false)) return End();
    return info;
  }
  DR_ASSIGN_OR_RETURN(next, of_.repository.Publish(std::move(next), context));
  GoOnFrom(std::move(next));
  info.sequence = newest_.sequence;
  return info;
}

void RepositoryCheckpoints::GoOnFrom(BackupManifest published) {
  DR_ASSERT(published.epoch == newest_.epoch && published.sequence > newest_.sequence);
  newest_ = std::move(published);
  for (const ComponentSnapshot& snapshot : newest_.components) unsaved_.erase(snapshot.component);
}

// A publication whose answer was lost is not another host's, and once it counts, what it replaced
// may be pruned.
absl::Status RepositoryCheckpoints::Settle(const Context& context) {
  DR_ASSIGN_OR_RETURN(std::optional<BackupManifest> published, of_.repository.Settle(context));
  if (published) GoOnFrom(*std::move(published));
  return absl::OkStatus();
}

absl::Status RepositoryCheckpoints::CheckNotFollowed(const Context& context) {
  DR_ASSIGN_OR_RETURN(const bool surpassed, of_.repository.IsSurpassed(context));
  return surpassed ? End() : absl::OkStatus();
}

absl::StatusOr<StateOutcome> RepositoryCheckpoints::Load(ComponentCore& component,
                                                         const Context& context) {
  DR_RETURN_IF_ERROR(sink_.status());
  if (absl::Status settled = Settle(context); !settled.ok()) {
    return absl::IsAborted(settled) ? End() : settled;
  }
  DR_RETURN_IF_ERROR(CheckNotFollowed(context));
  const StateOutcome outcome = OutcomeOf(component.id());
  if (outcome == StateOutcome::kMissing) return outcome;
  const ComponentSnapshot& saved = *FindSnapshot(newest_, component.id());
  BufferedReader whole;
  const auto read = [&]() -> absl::Status {
    DR_ASSIGN_OR_RETURN(std::unique_ptr<StateReader> records,
                        of_.repository.OpenSnapshot(saved, context));
    DR_ASSIGN_OR_RETURN(records,
                        of_.components.Upgrade(std::move(records), saved.schema, component));
    return whole.Gather(*records);
  };
  if (absl::Status done = read(); !done.ok()) {
    // A host that has taken over meanwhile may have pruned what was being read.
    if (absl::IsDataLoss(done)) DR_RETURN_IF_ERROR(CheckNotFollowed(context));
    return done;
  }
  DR_RETURN_IF_ERROR(Reload(component, whole, context));
  return outcome;
}

// Nothing is deleted either: from here on it would be another host's.
absl::Status RepositoryCheckpoints::End() {
  absl::Status fenced =
      MakeFault({.kind = FaultKind::kFenced,
                 .place = fmt::format("epoch {}", newest_.epoch.value),
                 .next = "open a host again if this one is to go on; that ends the other one"},
                "another host has taken over");
  sink_.End(fenced);
  Notify(EventKind::kFenced, fenced);
  return fenced;
}

void RepositoryCheckpoints::Prune(const Context& context) {
  absl::Status pruned = Settle(context);
  if (pruned.ok()) pruned = of_.repository.Prune(of_.policy.keep, newest_.epoch, context);
  if (!pruned.ok()) Notify(EventKind::kPruneFailed, pruned);
}

void RepositoryCheckpoints::Notify(EventKind kind, absl::Status status) const {
  if (of_.observer == nullptr) return;
  std::string text(AsStd(status.message()));
  of_.observer->OnEvent(
      {.kind = kind, .lsn = newest_.as_of, .status = std::move(status), .text = std::move(text)});
}

}  // namespace dr::inline v0
