#include "tools/drctl/salvage_plan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace drctl {
namespace {

absl::Status Refused(std::string_view what, std::string_view next) {
  return dr::MakeFault(
      {.kind = dr::FaultKind::kInvalid, .place = "--to", .next = std::string(next)}, what);
}

dr::Lsn NewestIn(const dr::BackupManifest& manifest) {
  dr::Lsn newest = manifest.as_of;
  for (const dr::ComponentSnapshot& snapshot : manifest.components) {
    newest = std::max(newest, snapshot.as_of);
  }
  return newest;
}

// A snapshot that includes operations behind `to` would bring them back.
absl::Status ChooseCheckpoints(const Source& source, SalvagePlan& plan) {
  if (source.repository == nullptr) return absl::OkStatus();
  DR_ASSIGN_OR_RETURN(std::vector<dr::RepositoryEntry> entries, source.repository->Entries({}));
  std::reverse(entries.begin(), entries.end());
  for (dr::RepositoryEntry& entry : entries) {
    const absl::Status state = ReadAll(source, entry);
    if (absl::IsDataLoss(state)) {
      plan.given_up.push_back(fmt::format("checkpoint {}: it is damaged", entry.sequence));
      continue;
    }
    DR_RETURN_IF_ERROR(state);
    if (const dr::Lsn newest = NewestIn(*entry.manifest); newest > plan.to) {
      plan.given_up.push_back(fmt::format("checkpoint {}: it includes operations up to {}",
                                          entry.sequence, newest.value));
    } else {
      plan.checkpoints.push_back(std::move(*entry.manifest));
    }
  }
  return absl::OkStatus();
}

// As early as the log can be read from there to the last operation that is wanted.
absl::Status ChooseLog(const Source& source, SalvagePlan& plan) {
  DR_ASSIGN_OR_RETURN(std::vector<dr::Lsn> starts, PossibleStarts(source));
  dr::Lsn reachable = {};
  for (dr::Lsn start : starts) {
    const bool has_base =
        start.value == 1 || source.repository == nullptr ||
        std::any_of(plan.checkpoints.begin(), plan.checkpoints.end(),
                    [&](const dr::BackupManifest& m) { return dr::Next(m.as_of) >= start; });
    if (!has_base) continue;
    absl::StatusOr<Readable> log = FindReadable(*source.wal, start);
    if (absl::IsDataLoss(log.status())) continue;
    DR_RETURN_IF_ERROR(log.status());
    reachable = std::max(reachable, log->last);
    if (log->last < plan.to) continue;
    plan.first = start;
    plan.log = *std::move(log);
    return absl::OkStatus();
  }
  return Refused(fmt::format("operation {} cannot be reached", plan.to.value),
                 reachable == dr::Lsn{}
                     ? "nothing of this log can be used; restore from a copy"
                     : fmt::format("the last one that can be is {}", reachable.value));
}

/// All segments; none where one is missing or unreadable, and so the log's past not known.
absl::StatusOr<std::vector<dr::LogSegment>> PastOf(const Source& source) {
  DR_ASSIGN_OR_RETURN(dr::ObservedDirectory observed, dr::ObserveDirectory(*source.wal));
  std::vector<dr::LogSegment> past;
  for (const dr::ObservedSegment& found : observed.segments) {
    if (!found.segment.ok()) return std::vector<dr::LogSegment>();
    if (!past.empty() && past.back().prefix.number + 1 != found.number) {
      return std::vector<dr::LogSegment>();
    }
    past.push_back(*found.segment);
  }
  return past;
}

// Older checkpoints than where the log begins can no longer be replayed from, and those of another
// copy of the directory must not be.
absl::Status DropUncovered(const Source& source, SalvagePlan& plan) {
  DR_ASSIGN_OR_RETURN(const std::vector<dr::LogSegment> past, PastOf(source));
  const auto drop = [&](const dr::BackupManifest& manifest, std::string_view why) {
    plan.given_up.push_back(fmt::format("checkpoint {}: {}", manifest.sequence, why));
    return true;
  };
  std::erase_if(plan.checkpoints, [&](const dr::BackupManifest& manifest) {
    if (dr::Next(manifest.as_of) < plan.first) {
      return drop(manifest, "the log behind it is not there");
    }
    const absl::Status history =
        dr::DecideHistory(past, {"it", manifest.log, {manifest.epoch, manifest.durable_lsn}});
    return !history.ok() && drop(manifest, dr::AsStd(history.message()));
  });
  if (plan.first.value == 1 || source.repository == nullptr || !plan.checkpoints.empty()) {
    return absl::OkStatus();
  }
  return Refused("the log goes on from a checkpoint, and those that are there are not its own",
                 "put back all files of one copy of the directory");
}

absl::Status RefuseInsideBatch(dr::Directory& from, const SalvagePlan& plan) {
  if (plan.to < plan.first) return absl::OkStatus();
  DR_ASSIGN_OR_RETURN(auto reader,
                      dr::OpenRecovered(from, plan.log.segments, plan.log.limit, plan.first));
  dr::Lsn before = {};
  dr::Lsn end = {};  // of the batch, or the operation, that `to` is in
  while (end < plan.to) {
    DR_ASSIGN_OR_RETURN(std::optional<dr::RecordView> record, reader->Next());
    if (!record) return absl::InternalError("the log ended earlier when it was read again");
    if (record->batch_continues) continue;
    before = end;
    end = record->lsn;
  }
  if (end == plan.to) return absl::OkStatus();
  return Refused(
      fmt::format("operation {} is inside a batch, which counts as a whole", plan.to.value),
      before == dr::Lsn{}
          ? fmt::format("name {}, where it ends", end.value)
          : fmt::format("name {}, where it ends, or {} before it", end.value, before.value));
}

void NameOperationsGivenUp(const Source& source, SalvagePlan& plan) {
  if (plan.log.last > plan.to) {
    plan.given_up.push_back(fmt::format("operations {} to {}, which can be read", plan.to.value + 1,
                                        plan.log.last.value));
  }
  if (const absl::Status damage = Verify(source).status(); !damage.ok()) {
    plan.given_up.push_back(
        fmt::format("whatever is behind the damage: {}", dr::AsStd(damage.message())));
  }
}

}  // namespace

absl::StatusOr<SalvagePlan> PlanSalvage(const Source& source, dr::Lsn to) {
  SalvagePlan plan{.to = to};
  DR_RETURN_IF_ERROR(ChooseCheckpoints(source, plan));
  DR_RETURN_IF_ERROR(ChooseLog(source, plan));
  DR_RETURN_IF_ERROR(RefuseInsideBatch(*source.wal, plan));
  DR_RETURN_IF_ERROR(DropUncovered(source, plan));
  NameOperationsGivenUp(source, plan);
  return plan;
}

}  // namespace drctl
