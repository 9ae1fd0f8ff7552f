// checkpoint list and show: what a host may open from.
#include "dr/clock.h"
#include "dr/inspect/checkpoints.h"
#include "dr/printable.h"
#include "tools/drctl/output.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

std::uint64_t BytesOf(const dr::BackupManifest& manifest) {
  std::uint64_t bytes = 0;
  for (const dr::ComponentSnapshot& snapshot : manifest.components) bytes += snapshot.bytes;
  return bytes;
}

double AgeSeconds(const dr::BackupManifest& manifest) {
  return absl::ToDoubleSeconds(dr::SystemClock().WallTime() - manifest.created);
}

JsonObject JsonManifest(const dr::BackupManifest& manifest) {
  return JsonObject()
      .Add("sequence", manifest.sequence)
      .Add("epoch", manifest.epoch.value)
      .Add("as_of", manifest.as_of.value)
      .Add("durable_lsn", manifest.durable_lsn.value)
      .Add("log", LogIdText(manifest.log))
      .Add("created", TimeText(manifest.created))
      .Add("age_seconds", AgeSeconds(manifest))
      .Add("bytes", BytesOf(manifest));
}

JsonObject JsonSnapshot(const dr::ComponentSnapshot& snapshot) {
  JsonArray objects;
  for (const dr::ObjectRef& object : snapshot.objects) {
    objects.Add(JsonObject()
                    .Add("name", object.name)
                    .Add("bytes", object.bytes)
                    .Add("sha256", dr::ToHex(object.hash)));
  }
  return JsonObject()
      .Add("component", snapshot.component)
      .Add("schema", snapshot.schema.name)
      .Add("schema_version", snapshot.schema.version)
      .Add("as_of", snapshot.as_of.value)
      .Add("records", snapshot.records)
      .Add("bytes", snapshot.bytes)
      .Add("digest", dr::ToHex(snapshot.digest))
      .Add("objects", objects);
}

void PrintManifest(const dr::BackupManifest& manifest, std::string_view mark) {
  fmt::print("{:>6}  epoch {}  as of {}  {}  {:.0f} s old  {} components  {} bytes  {}\n",
             manifest.sequence, manifest.epoch.value, manifest.as_of.value,
             TimeText(manifest.created), AgeSeconds(manifest), manifest.components.size(),
             BytesOf(manifest), mark);
}

JsonObject JsonEntry(const dr::ListedCheckpoint& listed, bool verify) {
  const absl::StatusOr<dr::BackupManifest>& manifest = listed.entry.manifest;
  JsonObject json;
  if (manifest.ok()) {
    json = JsonManifest(*manifest).Add("components", manifest->components.size());
  } else {
    json.Add("sequence", listed.entry.sequence);
  }
  if (verify) json.Add("verified", listed.state.ok());
  if (!listed.state.ok()) json.Add("error", JsonError(listed.state));
  return json;
}

void PrintEntry(const dr::ListedCheckpoint& listed, bool verify) {
  const std::string mark = !listed.state.ok() ? Bad("damaged")
                           : verify           ? Good("whole")
                                              : std::string();
  if (listed.entry.manifest.ok()) {
    PrintManifest(*listed.entry.manifest, mark);
  } else {
    fmt::print("{:>6}  {}\n", listed.entry.sequence, mark);
  }
}

void PrintSnapshot(const dr::ComponentSnapshot& snapshot) {
  fmt::print("  {}  {}@{}  as of {}  {} records  {} bytes  digest {}\n",
             dr::Printable(snapshot.component), dr::Printable(snapshot.schema.name),
             snapshot.schema.version, snapshot.as_of.value, snapshot.records, snapshot.bytes,
             dr::ToHex(snapshot.digest));
  for (const dr::ObjectRef& object : snapshot.objects) {
    fmt::print("    {}  {} bytes  sha256 {}\n", dr::Printable(object.name), object.bytes,
               dr::ToHex(object.hash));
  }
}

dr::ReadDepth DepthOf(const CheckpointArguments& arguments) {
  return arguments.verify ? dr::ReadDepth::kRecords : dr::ReadDepth::kManifests;
}

void PrintJson(const dr::CheckpointContents& contents, bool verify) {
  JsonArray components;
  for (const auto& [snapshot, state] : contents.components) {
    JsonObject json = JsonSnapshot(snapshot);
    if (verify) json.Add("verified", state.ok());
    if (!state.ok()) json.Add("error", JsonError(state));
    components.Add(json);
  }
  fmt::print("{}\n", JsonManifest(contents.manifest).Add("components", components).text());
}

void PrintText(const dr::CheckpointContents& contents, bool verify) {
  PrintManifest(contents.manifest, "");
  for (const auto& [snapshot, state] : contents.components) {
    PrintSnapshot(snapshot);
    if (verify) fmt::print("    {}\n", state.ok() ? Good("whole") : Bad("damaged"));
  }
}

}  // namespace

absl::Status CheckpointList(const dr::StoredHost& host, Format format,
                            const CheckpointArguments& arguments) {
  const absl::StatusOr<dr::CheckpointList> list = dr::ListCheckpoints(host, DepthOf(arguments));
  if (!list.ok()) return list.status();
  if (format == Format::kJson) {
    JsonArray listed;
    for (const dr::ListedCheckpoint& one : list->all) listed.Add(JsonEntry(one, arguments.verify));
    fmt::print("{}\n", JsonObject().Add("checkpoints", listed).text());
  } else {
    for (const dr::ListedCheckpoint& one : list->all) PrintEntry(one, arguments.verify);
    if (list->all.empty()) fmt::print("there is no checkpoint\n");
  }
  return list->damage;
}

absl::Status CheckpointShow(const dr::StoredHost& host, Format format,
                            const CheckpointArguments& arguments) {
  const absl::StatusOr<dr::CheckpointContents> contents =
      dr::ShowCheckpoint(host, arguments.sequence, DepthOf(arguments));
  if (!contents.ok()) return contents.status();
  if (format == Format::kJson) {
    PrintJson(*contents, arguments.verify);
  } else {
    PrintText(*contents, arguments.verify);
  }
  return contents->damage;
}

}  // namespace drctl
