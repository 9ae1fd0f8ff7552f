// wal salvage: a new log (and, from a host's directory, a new host) with everything up to one
// operation. The old one is only read. The new log is written as recovery writes a segment: whole,
// synced, and with a prefix that says so, before it gets its name.
#include <algorithm>
#include <optional>
#include <set>

#include "dr/status.h"
#include "src/base/status_macros.h"
#include "src/log/segment_files.h"
#include "src/runtime/generation.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

constexpr std::size_t kGroupBytes = 1 << 20;

absl::Status Refused(std::string_view place, std::string_view what, std::string_view next) {
  return dr::MakeFault({.kind = dr::FaultKind::kInvalid, .place = std::string(place),
                        .next = std::string(next)}, what);
}

absl::Status ReadAll(dr::Repository& repository, const dr::BackupManifest& manifest) {
  for (const dr::ComponentSnapshot& snapshot : manifest.components) {
    DR_ASSIGN_OR_RETURN(auto reader, repository.OpenSnapshot(snapshot, {}));
    for (;;) {
      DR_ASSIGN_OR_RETURN(std::optional<std::string_view> record, reader->Next());
      if (!record) break;
    }
  }
  return absl::OkStatus();
}

/// What of the old place goes into the new one.
struct Plan {
  Readable log = {};
  dr::Lsn first = {}, to = {};                     ///< of the operations; to < first: none
  std::vector<dr::BackupManifest> checkpoints = {};  ///< oldest first
  JsonArray given_up = {};
  std::vector<std::string> given_up_lines = {};

  void GiveUp(std::string what) {
    given_up.Add(what);
    given_up_lines.push_back(std::move(what));
  }
};

// A snapshot that includes operations behind `to` would bring them back.
absl::Status ChooseCheckpoints(const Source& source, Plan& plan) {
  if (source.repository == nullptr) return absl::OkStatus();
  DR_ASSIGN_OR_RETURN(std::vector<dr::RepositoryEntry> entries, source.repository->Entries({}));
  std::reverse(entries.begin(), entries.end());
  for (dr::RepositoryEntry& entry : entries) {
    absl::Status state = entry.manifest.status();
    if (state.ok()) state = ReadAll(*source.repository, *entry.manifest);
    if (!state.ok()) {
      if (!absl::IsDataLoss(state)) return state;
      plan.GiveUp(fmt::format("checkpoint {}: it is damaged", entry.sequence));
      continue;
    }
    dr::Lsn newest = entry.manifest->as_of;
    for (const dr::ComponentSnapshot& snapshot : entry.manifest->components) {
      newest = std::max(newest, snapshot.as_of);
    }
    if (newest > plan.to) {
      plan.GiveUp(fmt::format("checkpoint {}: it includes operations up to {}", entry.sequence,
                              newest.value));
    } else {
      plan.checkpoints.push_back(std::move(*entry.manifest));
    }
  }
  return absl::OkStatus();
}

// As early as the log can be read from there to the last operation that is wanted.
absl::Status ChooseLog(const Source& source, Plan& plan) {
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
  return Refused("--to", fmt::format("operation {} cannot be reached", plan.to.value),
                 reachable == dr::Lsn{}
                     ? "nothing of this log can be used; restore from a copy"
                     : fmt::format("the last one that can be is {}", reachable.value));
}

// Older checkpoints than where the log begins can no longer be replayed from.
void DropUncovered(Plan& plan) {
  std::erase_if(plan.checkpoints, [&](const dr::BackupManifest& manifest) {
    if (dr::Next(manifest.as_of) >= plan.first) return false;
    plan.GiveUp(fmt::format("checkpoint {}: the log behind it is not there", manifest.sequence));
    return true;
  });
}

absl::Status RefuseInsideBatch(dr::Directory& from, const Plan& plan) {
  if (plan.to < plan.first) return absl::OkStatus();
  DR_ASSIGN_OR_RETURN(auto reader,
                      dr::OpenRecovered(from, plan.log.segments, plan.log.limit, plan.to));
  DR_ASSIGN_OR_RETURN(std::optional<dr::RecordView> last, reader->Next());
  if (last && !last->batch_continues) return absl::OkStatus();
  return Refused("--to", fmt::format("operation {} is inside a batch, which counts as a whole",
                                     plan.to.value),
                 "name the last operation of the batch, or the last one before it");
}

absl::Status CopyRecords(dr::Directory& from, const Plan& plan, dr::GroupBuilder& builder,
                         dr::File& file) {
  DR_ASSIGN_OR_RETURN(auto reader,
                      dr::OpenRecovered(from, plan.log.segments, plan.log.limit, plan.first));
  dr::AlignedBuffer buffer(kGroupBytes);
  std::uint64_t offset = dr::kBlockBytes;
  bool open = false;
  const auto write = [&]() -> absl::Status {
    const std::string_view bytes = builder.Finish();
    open = false;
    DR_RETURN_IF_ERROR(file.WriteAt(offset, bytes));
    offset += bytes.size();
    return absl::OkStatus();
  };
  // One read too many would meet the damage behind the last operation.
  for (dr::Lsn next = plan.first; next <= plan.to; next = dr::Next(next)) {
    DR_ASSIGN_OR_RETURN(std::optional<dr::RecordView> record, reader->Next());
    if (!record) break;
    for (bool added = false; !added;) {
      if (!open) builder.Begin(buffer.span(), record->lsn, plan.to, record->time_ns);
      open = true;
      added = builder.Add(*record);
      if (!added) DR_RETURN_IF_ERROR(write());
    }
  }
  return open ? write() : absl::OkStatus();
}

/// The new log is another one: files of the old can never be taken for its own.
absl::StatusOr<dr::SegmentPrefix> NewPrefix(Machine& machine, const Plan& plan) {
  dr::SegmentPrefix prefix{.block_bytes = dr::kBlockBytes, .epoch = {1}, .first_lsn = plan.first,
                           .durable_lsn = plan.to, .created = machine.clock.WallTime()};
  for (const dr::LogSegment& segment : plan.log.segments) {
    prefix.epoch = {std::max(prefix.epoch.value, segment.prefix.epoch.value + 1)};
    prefix.created = std::max(prefix.created, segment.prefix.created);
  }
  DR_ASSIGN_OR_RETURN(prefix.log.high, machine.random.Next());
  DR_ASSIGN_OR_RETURN(prefix.log.low, machine.random.Next());
  DR_ASSIGN_OR_RETURN(prefix.salt, machine.random.Next());
  return prefix;
}

absl::Status WriteLog(dr::Directory& from, const Plan& plan, const dr::SegmentPrefix& prefix,
                      dr::Directory& to) {
  const std::string block = dr::EncodePrefix(prefix);
  for (const std::string& name : {dr::SegmentName(prefix.number), std::string(dr::kHeadName)}) {
    DR_ASSIGN_OR_RETURN(auto file, to.Open(name, {.access = dr::Access::kWrite,
                                                  .create = dr::Create::kExclusive}));
    DR_RETURN_IF_ERROR(file->WriteAt(0, block));
    if (name != dr::kHeadName) {
      dr::GroupBuilder builder(prefix, dr::PrefixHash(block));
      DR_RETURN_IF_ERROR(CopyRecords(from, plan, builder, *file));
    }
    DR_RETURN_IF_ERROR(file->Sync());
  }
  return to.Sync();
}

absl::Status WriteCheckpoints(Machine& machine, Source& source, const Plan& plan,
                              const dr::SegmentPrefix& prefix,
                              std::unique_ptr<dr::Directory> to) {
  DR_ASSIGN_OR_RETURN(auto store,
                      dr::DirectoryStore::Open(std::move(to), machine.random, machine.clock));
  DR_ASSIGN_OR_RETURN(auto repository,
                      dr::Repository::Open(*store, machine.clock, machine.random));
  std::set<std::string> copied;
  for (dr::BackupManifest manifest : plan.checkpoints) {
    for (const dr::ComponentSnapshot& snapshot : manifest.components) {
      for (const dr::ChunkRef& chunk : snapshot.chunks) {
        if (!copied.insert(chunk.key).second) continue;
        DR_ASSIGN_OR_RETURN(dr::Item item, source.store->Get(chunk.key, {}));
        DR_RETURN_IF_ERROR(store->Put(chunk.key, item.value, {}, {}).status());
      }
    }
    manifest.log = prefix.log;
    manifest.durable_lsn = std::min(manifest.durable_lsn, plan.to);
    DR_RETURN_IF_ERROR(repository->Publish(std::move(manifest), {}).status());
  }
  return absl::OkStatus();
}

absl::Status WriteInto(Machine& machine, Source& source, const Plan& plan,
                       const std::string& path) {
  DR_ASSIGN_OR_RETURN(dr::SegmentPrefix prefix, NewPrefix(machine, plan));
  if (source.repository == nullptr) {
    DR_ASSIGN_OR_RETURN(auto wal, machine.files.OpenDirectory(path, dr::Create::kIfMissing));
    DR_RETURN_IF_ERROR(WriteLog(*source.wal, plan, prefix, *wal));
  } else {
    DR_ASSIGN_OR_RETURN(dr::Generation made, dr::OpenGeneration(machine.files, path));
    DR_RETURN_IF_ERROR(WriteLog(*source.wal, plan, prefix, *made.wal));
    DR_RETURN_IF_ERROR(WriteCheckpoints(machine, source, plan, prefix, std::move(made.store)));
  }
  // Not believed before it was read.
  DR_ASSIGN_OR_RETURN(Source written, OpenSource(machine, path));
  DR_ASSIGN_OR_RETURN(Verified verified, Verify(written));
  if (verified.last == plan.to) return absl::OkStatus();
  return absl::InternalError(fmt::format("the new log ends at {} and not at {}",
                                         verified.last.value, plan.to.value));
}

struct Output {
  std::unique_ptr<dr::Directory> parent;
  std::string name, partial, partial_path;
};

absl::StatusOr<Output> PrepareOutput(Machine& machine, std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t slash = path.rfind('/');
  Output output;
  output.name = slash == std::string::npos ? path : path.substr(slash + 1);
  output.partial = output.name + ".partial";
  output.partial_path = path + ".partial";
  if (auto there = machine.files.OpenDirectory(path, dr::Create::kNever); there.ok()) {
    DR_ASSIGN_OR_RETURN(std::vector<dr::DirectoryEntry> entries, (*there)->List());
    if (!entries.empty()) {
      return Refused(path, "the output is there and not empty", "name a new directory");
    }
  } else if (!absl::IsNotFound(there.status())) {
    return there.status();
  }
  const std::string above = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  DR_ASSIGN_OR_RETURN(output.parent, machine.files.OpenDirectory(above, dr::Create::kNever));
  auto partial = output.parent->OpenDirectory(output.partial, dr::Create::kExclusive);
  if (absl::IsAlreadyExists(partial.status())) {
    return Refused(output.partial_path, "an earlier salvage was interrupted here", "remove it");
  }
  DR_RETURN_IF_ERROR(partial.status());
  return output;
}

void Print(const Arguments& arguments, const SalvageArguments& salvage, const Plan& plan) {
  if (arguments.json) {
    JsonArray checkpoints;
    for (const dr::BackupManifest& m : plan.checkpoints) checkpoints.Add(m.as_of.value);
    fmt::print("{}\n", JsonObject()
                           .Add("ok", true)
                           .Add("output", salvage.output)
                           .Add("from", plan.first.value)
                           .Add("last", plan.to.value)
                           .Add("checkpoints_as_of", checkpoints)
                           .Add("given_up", plan.given_up)
                           .text());
    return;
  }
  fmt::print("{}: operations {} to {} and {} checkpoints\n", Good("written and read back"),
             plan.first.value, plan.to.value, plan.checkpoints.size());
  for (const std::string& line : plan.given_up_lines) {
    fmt::print("{} {}\n", Bad("given up:"), line);
  }
}

}  // namespace

absl::Status WalSalvage(Machine& machine, const Arguments& arguments,
                        const SalvageArguments& salvage) {
  DR_ASSIGN_OR_RETURN(Source source, OpenSource(machine, arguments.directory));
  Plan plan{.to = {salvage.to}};
  DR_RETURN_IF_ERROR(ChooseCheckpoints(source, plan));
  DR_RETURN_IF_ERROR(ChooseLog(source, plan));
  DR_RETURN_IF_ERROR(RefuseInsideBatch(*source.wal, plan));
  DropUncovered(plan);
  const absl::StatusOr<Verified> before = Verify(source);
  if (plan.log.last > plan.to) {
    plan.GiveUp(fmt::format("operations {} to {}, which can be read", plan.to.value + 1,
                            plan.log.last.value));
  }
  if (!before.ok()) {
    plan.GiveUp(fmt::format("whatever is behind the damage: {}",
                            dr::AsStd(before.status().message())));
  }
  DR_ASSIGN_OR_RETURN(Output output, PrepareOutput(machine, salvage.output));
  DR_RETURN_IF_ERROR(WriteInto(machine, source, plan, output.partial_path));
  DR_RETURN_IF_ERROR(output.parent->Rename(output.partial, output.name));
  DR_RETURN_IF_ERROR(output.parent->Sync());
  Print(arguments, salvage, plan);
  return absl::OkStatus();
}

}  // namespace drctl
