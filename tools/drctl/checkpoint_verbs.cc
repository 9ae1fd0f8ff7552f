// checkpoint list and show: what a host may open from.
#include <algorithm>
#include <optional>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/base/printable.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

std::uint64_t BytesOf(const dr::BackupManifest& manifest) {
  std::uint64_t bytes = 0;
  for (const dr::ComponentSnapshot& snapshot : manifest.components) bytes += snapshot.bytes;
  return bytes;
}

double AgeSeconds(const Machine& machine, const dr::BackupManifest& manifest) {
  return absl::ToDoubleSeconds(machine.clock.WallTime() - manifest.created);
}

JsonObject JsonManifest(const Machine& machine, const dr::BackupManifest& manifest) {
  return JsonObject()
      .Add("sequence", manifest.sequence)
      .Add("epoch", manifest.epoch.value)
      .Add("as_of", manifest.as_of.value)
      .Add("durable_lsn", manifest.durable_lsn.value)
      .Add("log", LogIdText(manifest.log))
      .Add("created", TimeText(manifest.created))
      .Add("age_seconds", AgeSeconds(machine, manifest))
      .Add("bytes", BytesOf(manifest));
}

JsonObject JsonSnapshot(const dr::ComponentSnapshot& snapshot) {
  JsonArray chunks;
  for (const dr::ChunkRef& chunk : snapshot.chunks) {
    chunks.Add(JsonObject()
                   .Add("key", chunk.key)
                   .Add("bytes", chunk.bytes)
                   .Add("hash", fmt::format("{:016x}", chunk.hash)));
  }
  return JsonObject()
      .Add("component", snapshot.component)
      .Add("schema", snapshot.schema.name)
      .Add("schema_version", snapshot.schema.version)
      .Add("as_of", snapshot.as_of.value)
      .Add("records", snapshot.records)
      .Add("bytes", snapshot.bytes)
      .Add("digest", dr::ToHex(snapshot.digest))
      .Add("chunks", chunks);
}

void PrintManifest(const Machine& machine, const dr::BackupManifest& manifest,
                   std::string_view mark) {
  fmt::print("{:>6}  epoch {}  as of {}  {}  {:.0f} s old  {} components  {} bytes  {}\n",
             manifest.sequence, manifest.epoch.value, manifest.as_of.value,
             TimeText(manifest.created), AgeSeconds(machine, manifest), manifest.components.size(),
             BytesOf(manifest), mark);
}

JsonObject JsonEntry(const Machine& machine, const dr::RepositoryEntry& entry,
                     const absl::Status& state, bool verify) {
  JsonObject json;
  if (entry.manifest.ok()) {
    json =
        JsonManifest(machine, *entry.manifest).Add("components", entry.manifest->components.size());
  } else {
    json.Add("sequence", entry.sequence);
  }
  if (verify) json.Add("verified", state.ok());
  if (!state.ok()) json.Add("error", JsonError(state));
  return json;
}

void PrintEntry(const Machine& machine, const dr::RepositoryEntry& entry, const absl::Status& state,
                bool verify) {
  const std::string mark = !state.ok() ? Bad("damaged") : verify ? Good("whole") : std::string();
  if (entry.manifest.ok()) {
    PrintManifest(machine, *entry.manifest, mark);
  } else {
    fmt::print("{:>6}  {}\n", entry.sequence, mark);
  }
}

void PrintSnapshot(const dr::ComponentSnapshot& snapshot) {
  fmt::print("  {}  {}@{}  as of {}  {} records  {} bytes  digest {}\n",
             dr::Printable(snapshot.component), dr::Printable(snapshot.schema.name),
             snapshot.schema.version, snapshot.as_of.value, snapshot.records, snapshot.bytes,
             dr::ToHex(snapshot.digest));
  for (const dr::ChunkRef& chunk : snapshot.chunks) {
    fmt::print("    {}  {} bytes  {:016x}\n", dr::Printable(chunk.key), chunk.bytes, chunk.hash);
  }
}

absl::StatusOr<dr::RepositoryEntry> FindEntry(const Source& source, std::uint64_t sequence) {
  DR_ASSIGN_OR_RETURN(std::vector<dr::RepositoryEntry> entries, source.repository->Entries({}));
  for (dr::RepositoryEntry& entry : entries) {
    if (sequence == 0 || entry.sequence == sequence) return std::move(entry);
  }
  return dr::MakeFault({.kind = dr::FaultKind::kMissing, .next = "see `drctl checkpoint list`"},
                       sequence == 0 ? "there is no checkpoint"
                                     : fmt::format("there is no checkpoint {}", sequence));
}

/// Checkpoints, or the components of one, each with what is wrong with it.
template <typename T>
struct Judged {
  std::vector<std::pair<T, absl::Status>> all = {};
  absl::Status damage = absl::OkStatus();  ///< the first

  void Add(T one, absl::Status state) {
    damage.Update(state);
    all.emplace_back(std::move(one), std::move(state));
  }
};
constexpr auto kErrorOf = [](const auto& result) {
  return result.ok() ? result->damage : result.status();
};

absl::StatusOr<Judged<dr::RepositoryEntry>> JudgeAll(const Source& source, bool verify) {
  DR_ASSIGN_OR_RETURN(std::vector<dr::RepositoryEntry> entries, source.repository->Entries({}));
  Judged<dr::RepositoryEntry> judged;
  for (dr::RepositoryEntry& entry : entries) {
    absl::Status state = verify ? ReadAll(source, entry) : entry.manifest.status();
    judged.Add(std::move(entry), std::move(state));
  }
  return judged;
}

struct JudgedCheckpoint : Judged<dr::ComponentSnapshot> {
  dr::BackupManifest manifest = {};
};

absl::StatusOr<JudgedCheckpoint> JudgeOne(const Source& source,
                                          const CheckpointArguments& checkpoint) {
  DR_ASSIGN_OR_RETURN(dr::RepositoryEntry entry, FindEntry(source, checkpoint.sequence));
  JudgedCheckpoint judged;
  DR_ASSIGN_OR_RETURN(judged.manifest, std::move(entry.manifest));
  for (const dr::ComponentSnapshot& snapshot : judged.manifest.components) {
    judged.Add(snapshot, checkpoint.verify ? ReadAll(source, snapshot) : absl::OkStatus());
  }
  return judged;
}

}  // namespace

absl::Status CheckpointList(Machine& machine, const Arguments& arguments,
                            const CheckpointArguments& checkpoint) {
  DR_ASSIGN_OR_RETURN(Source source, OpenHostSource(machine, arguments.directory));
  DR_ASSIGN_OR_RETURN(const auto judged,
                      Settled([&] { return JudgeAll(source, checkpoint.verify); }, kErrorOf));
  JsonArray listed;
  for (const auto& [entry, state] : judged.all) {
    if (arguments.json) {
      listed.Add(JsonEntry(machine, entry, state, checkpoint.verify));
    } else {
      PrintEntry(machine, entry, state, checkpoint.verify);
    }
  }
  if (arguments.json) {
    fmt::print("{}\n", JsonObject().Add("checkpoints", listed).text());
  } else if (judged.all.empty()) {
    fmt::print("there is no checkpoint\n");
  }
  return judged.damage;
}

absl::Status CheckpointShow(Machine& machine, const Arguments& arguments,
                            const CheckpointArguments& checkpoint) {
  DR_ASSIGN_OR_RETURN(Source source, OpenHostSource(machine, arguments.directory));
  DR_ASSIGN_OR_RETURN(const auto judged,
                      Settled([&] { return JudgeOne(source, checkpoint); }, kErrorOf));
  JsonArray components;
  if (!arguments.json) PrintManifest(machine, judged.manifest, "");
  for (const auto& [snapshot, state] : judged.all) {
    JsonObject json = JsonSnapshot(snapshot);
    if (checkpoint.verify) json.Add("verified", state.ok());
    if (!state.ok()) json.Add("error", JsonError(state));
    components.Add(json);
    if (arguments.json) continue;
    PrintSnapshot(snapshot);
    if (checkpoint.verify) fmt::print("    {}\n", state.ok() ? Good("whole") : Bad("damaged"));
  }
  if (arguments.json) {
    fmt::print("{}\n", JsonManifest(machine, judged.manifest).Add("components", components).text());
  }
  return judged.damage;
}

}  // namespace drctl
