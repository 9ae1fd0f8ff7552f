// wal verify: is everything there that a host needs, exactly as it was written?
#include "dr/status.h"
#include "dr/status_macros.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

struct Covered {
  dr::Lsn from = {}, last = {};
  std::vector<dr::BackupManifest> checkpoints = {};  ///< newest first
};

absl::StatusOr<Covered> CoveredBy(const Source& source) {
  Covered covered;
  DR_ASSIGN_OR_RETURN(std::vector<dr::Lsn> starts, PossibleStarts(source));
  for (dr::Lsn start : starts) {
    absl::StatusOr<Readable> readable = FindReadable(*source.wal, start);
    if (absl::IsDataLoss(readable.status())) continue;
    DR_RETURN_IF_ERROR(readable.status());
    covered.from = readable->from;
    covered.last = readable->last;
    break;
  }
  if (source.repository != nullptr) {
    DR_ASSIGN_OR_RETURN(dr::CheckpointCandidates found,
                        dr::FindCheckpoints(*source.repository, {}));
    covered.checkpoints = std::move(found.readable);
  }
  return covered;
}

JsonObject JsonCovered(const Covered& covered) {
  JsonArray checkpoints;
  for (const dr::BackupManifest& manifest : covered.checkpoints) {
    checkpoints.Add(
        JsonObject().Add("sequence", manifest.sequence).Add("as_of", manifest.as_of.value));
  }
  return JsonObject()
      .Add("from", covered.from.value)
      .Add("last", covered.last.value)
      .Add("checkpoints", checkpoints);
}

absl::Status Damaged(const Source& source, const Arguments& arguments, const absl::Status& why) {
  DR_ASSIGN_OR_RETURN(Covered covered, Settled([&] { return CoveredBy(source); }));
  if (arguments.json) {
    fmt::print("{}\n", JsonObject()
                           .Add("ok", false)
                           .Add("damage", JsonError(why))
                           .Add("covered", JsonCovered(covered))
                           .text());
    return why;
  }
  fmt::print("{}\n", Bad("damaged"));
  if (covered.last < covered.from) {
    fmt::print("the log: nothing can be read\n");
  } else {
    fmt::print("the log: operations {} to {} can be read\n", covered.from.value,
               covered.last.value);
  }
  for (const dr::BackupManifest& manifest : covered.checkpoints) {
    fmt::print("checkpoint {}: operations up to {}\n", manifest.sequence, manifest.as_of.value);
  }
  return why;
}

}  // namespace

absl::Status WalVerify(Machine& machine, const Arguments& arguments) {
  DR_ASSIGN_OR_RETURN(Source source, OpenSource(machine, arguments.directory));
  absl::StatusOr<Verified> verified = Verify(source);
  if (absl::IsDataLoss(verified.status())) return Damaged(source, arguments, verified.status());
  DR_RETURN_IF_ERROR(verified.status());
  if (arguments.json) {
    fmt::print("{}\n", JsonObject()
                           .Add("ok", true)
                           .Add("segments", verified->segments)
                           .Add("from", verified->from.value)
                           .Add("last", verified->last.value)
                           .Add("durable_recorded", verified->evidence.value)
                           .Add("durable_known", verified->bounds.known_durable().value)
                           .Add("groups_behind", verified->groups_behind)
                           .text());
    return absl::OkStatus();
  }
  fmt::print("{}: {} segments; ", Good("whole"), verified->segments);
  if (verified->last < verified->from) {
    fmt::print("no operation is needed from the log, which ends at {}\n", verified->last.value);
  } else {
    fmt::print("operations {} to {} are as they were written\n", verified->from.value,
               verified->last.value);
  }
  fmt::print("recorded as durable: {} in the log, {} by checkpoints; {} groups left over behind\n",
             verified->evidence.value, verified->bounds.known_durable().value,
             verified->groups_behind);
  return absl::OkStatus();
}

}  // namespace drctl
