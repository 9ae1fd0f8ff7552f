#include "src/inspect/salvage_plan.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/inspect/snapshot_check.h"
#include "src/inspect/stored_host_parts.h"
#include "src/log/log_history.h"

namespace dr::inline v0 {
namespace {

absl::Status Refused(std::string_view what, std::string_view next) {
  return MakeFault({.kind = FaultKind::kInvalid, .next = std::string(next)}, what);
}

Lsn NewestIn(const BackupManifest& manifest) {
  Lsn newest = manifest.as_of;
  for (const ComponentSnapshot& snapshot : manifest.components) {
    newest = std::max(newest, snapshot.as_of);
  }
  return newest;
}

class Planner {
 public:
  Planner(const StoredHost::Parts& host, Lsn to) : host_(host) { plan_.to = to; }

  absl::StatusOr<PlannedSalvage> Run() {
    DR_RETURN_IF_ERROR(ChooseCheckpoints());
    DR_RETURN_IF_ERROR(ChooseLog());
    DR_RETURN_IF_ERROR(RefuseInsideBatch());
    DR_RETURN_IF_ERROR(DropUncovered());
    NameOperationsGivenUp();
    return PlannedSalvage{.plan = std::move(plan_), .log = std::move(log_)};
  }

 private:
  // A snapshot that includes operations behind `to` would bring them back.
  absl::Status ChooseCheckpoints() {
    if (host_.repository == nullptr) return absl::OkStatus();
    DR_ASSIGN_OR_RETURN(std::vector<RepositoryEntry> entries, host_.repository->Entries({}));
    std::reverse(entries.begin(), entries.end());
    for (RepositoryEntry& entry : entries) {
      const absl::Status state = CheckEntry(*host_.repository, entry);
      if (absl::IsDataLoss(state)) {
        GiveUpCheckpoint(entry.sequence, "it is damaged");
        continue;
      }
      DR_RETURN_IF_ERROR(state);
      if (const Lsn newest = NewestIn(*entry.manifest); newest > plan_.to) {
        GiveUpCheckpoint(entry.sequence,
                         fmt::format("it includes operations up to {}", newest.value));
      } else {
        plan_.checkpoints.push_back(std::move(*entry.manifest));
      }
    }
    return absl::OkStatus();
  }

  // As early as the log can be read from there to the last operation that is wanted.
  absl::Status ChooseLog() {
    DR_ASSIGN_OR_RETURN(const std::vector<Lsn> starts, PossibleStarts(host_));
    Lsn reachable = {};
    for (Lsn start : starts) {
      if (!HasBase(start)) continue;
      absl::StatusOr<ReadableLog> log = FindReadable(*host_.wal, start);
      if (absl::IsDataLoss(log.status())) continue;
      DR_RETURN_IF_ERROR(log.status());
      reachable = std::max(reachable, log->last);
      if (log->last < plan_.to) continue;
      plan_.first = start;
      log_ = *std::move(log);
      return absl::OkStatus();
    }
    return Refused(fmt::format("operation {} cannot be reached", plan_.to.value),
                   reachable == Lsn{}
                       ? "nothing of this log can be used; restore from a copy"
                       : fmt::format("the last one that can be is {}", reachable.value));
  }

  bool HasBase(Lsn start) const {
    return start.value == 1 || host_.repository == nullptr ||
           std::any_of(plan_.checkpoints.begin(), plan_.checkpoints.end(),
                       [&](const BackupManifest& m) { return Next(m.as_of) >= start; });
  }

  absl::Status RefuseInsideBatch() const {
    if (plan_.to < plan_.first) return absl::OkStatus();
    DR_ASSIGN_OR_RETURN(const auto reader,
                        OpenRecovered(*host_.wal, log_.segments, log_.limit, plan_.first));
    Lsn before = {};
    Lsn end = {};  // of the batch, or the operation, that `to` is in
    while (end < plan_.to) {
      DR_ASSIGN_OR_RETURN(const std::optional<RecordView> record, reader->Next());
      if (!record) return absl::InternalError("the log ended earlier when it was read again");
      if (record->batch_continues) continue;
      before = end;
      end = record->lsn;
    }
    if (end == plan_.to) return absl::OkStatus();
    return Refused(
        fmt::format("operation {} is inside a batch, which counts as a whole", plan_.to.value),
        before == Lsn{}
            ? fmt::format("name {}, where it ends", end.value)
            : fmt::format("name {}, where it ends, or {} before it", end.value, before.value));
  }

  // Older checkpoints than where the log begins can no longer be replayed from, and those of
  // another copy of the directory must not be.
  absl::Status DropUncovered() {
    HistoryReader reader(*host_.wal, log_.segments, log_.limit);
    std::erase_if(plan_.checkpoints, [&](const BackupManifest& manifest) {
      if (Next(manifest.as_of) < plan_.first) {
        return GiveUpCheckpoint(manifest.sequence, "the log behind it is not there");
      }
      if (log_.segments.empty()) return false;
      const absl::Status history = CheckHistory(
          reader, {"it", manifest.log, {manifest.epoch, manifest.durable_lsn}, manifest.history},
          log_.segments);
      return !history.ok() && GiveUpCheckpoint(manifest.sequence, AsStd(history.message()));
    });
    if (plan_.first.value == 1 || host_.repository == nullptr || !plan_.checkpoints.empty()) {
      return absl::OkStatus();
    }
    return Refused("the log goes on from a checkpoint, and those that are there are not its own",
                   "put back all files of one copy of the directory");
  }

  void NameOperationsGivenUp() {
    if (log_.last > plan_.to) {
      plan_.given_up.push_back(fmt::format("operations {} to {}, which can be read",
                                           plan_.to.value + 1, log_.last.value));
    }
    if (const absl::Status damage = ReadWholeLog(host_).status(); !damage.ok()) {
      plan_.given_up.push_back(
          fmt::format("whatever is behind the damage: {}", AsStd(damage.message())));
    }
  }

  bool GiveUpCheckpoint(std::uint64_t sequence, std::string_view why) {
    plan_.given_up.push_back(fmt::format("checkpoint {}: {}", sequence, why));
    return true;
  }

  const StoredHost::Parts& host_;
  SalvagePlan plan_;
  ReadableLog log_;
};

}  // namespace

absl::StatusOr<PlannedSalvage> PlanSalvage(const StoredHost::Parts& host, Lsn to) {
  return Planner(host, to).Run();
}

}  // namespace dr::inline v0
