// wal salvage: what can be kept up to one operation, and a new directory with it.
#include "dr/inspect/salvage.h"

#include "tools/drctl/output.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

void PrintJson(const SalvageArguments& arguments, const dr::SalvagePlan& plan) {
  JsonArray checkpoints;
  for (const dr::BackupManifest& manifest : plan.checkpoints) checkpoints.Add(manifest.as_of.value);
  JsonArray given_up;
  for (const std::string& line : plan.given_up) given_up.Add(line);
  fmt::print("{}\n", JsonObject()
                         .Add("ok", true)
                         .Add("written", !arguments.output.empty())
                         .Add("output", arguments.output)
                         .Add("from", plan.first.value)
                         .Add("last", plan.to.value)
                         .Add("checkpoints_as_of", checkpoints)
                         .Add("given_up", given_up)
                         .text());
}

void PrintText(const SalvageArguments& arguments, const dr::SalvagePlan& plan) {
  const bool written = !arguments.output.empty();
  fmt::print("{}: {}; checkpoints: {}\n",
             written ? Good("written and read back") : std::string("can be kept"),
             plan.to < plan.first
                 ? fmt::format("what includes operation {}", plan.to.value)
                 : fmt::format("operations {} to {}", plan.first.value, plan.to.value),
             plan.checkpoints.size());
  for (const std::string& line : plan.given_up) fmt::print("{} {}\n", Bad("given up:"), line);
  fmt::print("{}\n", written ? "the old directory is as it was"
                             : "nothing was written: say where to with --output NEWDIR");
}

}  // namespace

absl::Status WalSalvage(const dr::StoredHost& host, Format format,
                        const SalvageArguments& arguments) {
  const absl::StatusOr<dr::Salvage> salvage = dr::Salvage::Plan(host, arguments.to);
  if (!salvage.ok()) return salvage.status();
  if (!arguments.output.empty()) {
    if (absl::Status written = salvage->WriteTo(arguments.output); !written.ok()) return written;
  }
  if (format == Format::kJson) {
    PrintJson(arguments, salvage->plan());
  } else {
    PrintText(arguments, salvage->plan());
  }
  return absl::OkStatus();
}

}  // namespace drctl
