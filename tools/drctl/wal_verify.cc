// wal verify: is everything there that a host needs, exactly as it was written?
#include "dr/inspect/log_check.h"
#include "tools/drctl/output.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

JsonObject JsonWhole(const dr::LogCheck& check) {
  return JsonObject()
      .Add("ok", true)
      .Add("segments", check.segments)
      .Add("from", check.from.value)
      .Add("last", check.last.value)
      .Add("durable_recorded", check.durable_recorded.value)
      .Add("durable_known", check.durable_known.value)
      .Add("groups_behind", check.groups_behind);
}

void PrintWhole(const dr::LogCheck& check) {
  fmt::print("{}: {} segments; ", Good("whole"), check.segments);
  if (check.last < check.from) {
    fmt::print("no operation is needed from the log, which ends at {}\n", check.last.value);
  } else {
    fmt::print("operations {} to {} are as they were written\n", check.from.value,
               check.last.value);
  }
  fmt::print("recorded as durable: {} in the log, {} beside it; {} groups left over behind\n",
             check.durable_recorded.value, check.durable_known.value, check.groups_behind);
}

JsonObject JsonDamaged(const dr::LogCheck& check) {
  JsonArray checkpoints;
  for (const dr::BackupManifest& manifest : check.checkpoints) {
    checkpoints.Add(
        JsonObject().Add("sequence", manifest.sequence).Add("as_of", manifest.as_of.value));
  }
  return JsonObject()
      .Add("ok", false)
      .Add("damage", JsonError(check.damage))
      .Add("covered", JsonObject()
                          .Add("from", check.from.value)
                          .Add("last", check.last.value)
                          .Add("checkpoints", checkpoints));
}

void PrintDamaged(const dr::LogCheck& check) {
  fmt::print("{}\n", Bad("damaged"));
  if (check.last < check.from) {
    fmt::print("the log: nothing can be read\n");
  } else {
    fmt::print("the log: operations {} to {} can be read\n", check.from.value, check.last.value);
  }
  for (const dr::BackupManifest& manifest : check.checkpoints) {
    fmt::print("checkpoint {}: operations up to {}\n", manifest.sequence, manifest.as_of.value);
  }
}

}  // namespace

absl::Status WalVerify(const dr::StoredHost& host, Format format) {
  const absl::StatusOr<dr::LogCheck> check = dr::VerifyLog(host);
  if (!check.ok()) return check.status();
  const bool whole = check->damage.ok();
  if (format == Format::kJson) {
    fmt::print("{}\n", (whole ? JsonWhole(*check) : JsonDamaged(*check)).text());
  } else if (whole) {
    PrintWhole(*check);
  } else {
    PrintDamaged(*check);
  }
  return check->damage;
}

}  // namespace drctl
