// doctor: what the place a host lives in can and cannot promise.
#include "dr/inspect/doctor.h"

#include "dr/log/segment.h"
#include "dr/printable.h"
#include "dr/version.h"
#include "tools/drctl/output.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

std::string Text(const dr::Finding& finding) {
  return fmt::format("{}; {}", finding.what, finding.next);
}

void PrintJson(const dr::Diagnosis& found) {
  JsonArray warnings, findings;
  for (const dr::Finding& finding : found.findings) {
    warnings.Add(Text(finding));
    findings.Add(
        JsonObject()
            .Add("severity", finding.severity == dr::Severity::kUnsafe ? "unsafe" : "warning")
            .Add("what", finding.what)
            .Add("next", finding.next));
  }
  JsonObject json;
  json.Add("ok", found.verdict.ok())
      .Add("durable", found.durable)
      .Add("library_version", dr::LibraryVersion())
      .Add("format_version", dr::kSegmentFormatVersion)
      .Add("generation", found.generation)
      .Add("file_system", found.volume.type)
      .Add("survives_power_loss", found.volume.survives_power_loss)
      .Add("network", found.volume.is_network)
      .Add("free_bytes", found.volume.free_bytes)
      .Add("mode", fmt::format("{:04o}", found.permissions.mode))
      .Add("owner", found.permissions.owner)
      .Add("open_files_max", found.open_files_max);
  if (found.cost) {
    json.Add("direct_writes", found.cost->direct)
        .Add("durable_write_us", found.cost->durable_us)
        .Add("durable_write_us_max", found.cost->durable_us_max)
        .Add("plain_write_us", found.cost->plain_us);
  }
  json.Add("warnings", warnings).Add("findings", findings);
  if (!found.verdict.ok()) json.Add("error", JsonError(found.verdict));
  fmt::print("{}\n", json.text());
}

std::string DurableText(const dr::Diagnosis& found) {
  if (!found.durable) return Bad("no, this place cannot promise it");
  if (!found.cost) return Bad("not known, because nothing could be written");
  return Good("yes, as far as the file system goes");
}

void PrintText(const dr::Diagnosis& found) {
  fmt::print("versions: dr {}, format {}\n", dr::LibraryVersion(), dr::kSegmentFormatVersion);
  fmt::print("host: {}\n", found.generation.empty() ? "none yet" : found.generation);
  fmt::print("file system: {}, {} bytes free\n", found.volume.type, found.volume.free_bytes);
  fmt::print("permissions: {:04o} of user {}\n", found.permissions.mode, found.permissions.owner);
  fmt::print("open files: at most {}\n", found.open_files_max);
  if (found.cost) {
    const dr::WriteCost& cost = *found.cost;
    fmt::print("a write of 4 KiB: {:.0f} us; a durable one: {:.0f} us, at worst {:.0f} ({})\n",
               cost.plain_us, cost.durable_us, cost.durable_us_max,
               cost.direct ? "direct and synchronous" : "a write and a sync");
  }
  for (const dr::Finding& finding : found.findings) {
    fmt::print("{} {}\n", Bad("warning:"), dr::Printable(Text(finding)));
  }
  fmt::print("durable: {}\n", DurableText(found));
}

}  // namespace

absl::Status Doctor(const std::string& directory, Format format) {
  const absl::StatusOr<dr::Diagnosis> found = dr::Diagnose(directory);
  if (!found.ok()) return found.status();
  if (format == Format::kJson) {
    PrintJson(*found);
  } else {
    PrintText(*found);
  }
  return found->verdict;
}

}  // namespace drctl
