// wal salvage: a new log (and, from a host's directory, a new host) with everything up to one
// operation. The old one is only read. The new log is written as recovery writes a segment: whole,
// synced, and with a prefix that says so, before it gets its name.
#include <algorithm>
#include <optional>
#include <set>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/directory/host_directory.h"
#include "src/log/segment_files.h"
#include "tools/drctl/salvage_plan.h"
#include "tools/drctl/verbs.h"

namespace drctl {
namespace {

constexpr std::size_t kGroupBytes = 1 << 20;

absl::Status Refused(std::string_view place, std::string_view what, std::string_view next) {
  return dr::MakeFault(
      {.kind = dr::FaultKind::kInvalid, .place = std::string(place), .next = std::string(next)},
      what);
}

absl::Status CopyRecords(dr::Directory& from, const SalvagePlan& plan, dr::GroupBuilder& builder,
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
absl::StatusOr<dr::SegmentPrefix> NewPrefix(Machine& machine, const SalvagePlan& plan) {
  dr::SegmentPrefix prefix{.block_bytes = dr::kBlockBytes,
                           .epoch = {1},
                           .first_lsn = plan.first,
                           .durable_lsn = plan.to,
                           .created = machine.clock.WallTime()};
  for (const dr::LogSegment& segment : plan.log.segments) {
    prefix.epoch = {std::max(prefix.epoch.value, segment.prefix.epoch.value + 1)};
    prefix.created = std::max(prefix.created, segment.prefix.created);
  }
  for (const dr::BackupManifest& manifest : plan.checkpoints) {
    prefix.epoch = {std::max(prefix.epoch.value, manifest.epoch.value + 1)};
  }
  DR_ASSIGN_OR_RETURN(prefix.log.high, machine.random.Next());
  DR_ASSIGN_OR_RETURN(prefix.log.low, machine.random.Next());
  DR_ASSIGN_OR_RETURN(prefix.salt, machine.random.Next());
  return prefix;
}

absl::Status WriteLog(dr::Directory& from, const SalvagePlan& plan, const dr::SegmentPrefix& prefix,
                      dr::Directory& to) {
  const std::string block = dr::EncodePrefix(prefix);
  for (const dr::LogFileName& name :
       {dr::SegmentName(prefix.number), dr::LogFileName(dr::kHeadName)}) {
    DR_ASSIGN_OR_RETURN(
        auto file, to.Open(name, {.access = dr::Access::kWrite, .create = dr::Create::kExclusive}));
    DR_RETURN_IF_ERROR(file->WriteAt(0, block));
    if (name.view() != dr::kHeadName) {
      dr::GroupBuilder builder(prefix, dr::PrefixHash(block));
      DR_RETURN_IF_ERROR(CopyRecords(from, plan, builder, *file));
    }
    DR_RETURN_IF_ERROR(file->Sync());
  }
  return to.Sync();
}

absl::Status WriteCheckpoints(Machine& machine, Source& source, const SalvagePlan& plan,
                              const dr::SegmentPrefix& prefix, std::unique_ptr<dr::Directory> to) {
  DR_ASSIGN_OR_RETURN(auto store,
                      dr::DirectoryStore::Open(std::move(to), machine.random, machine.clock));
  DR_ASSIGN_OR_RETURN(auto repository, dr::Repository::Open(*store, machine.clock, machine.random));
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
    manifest.epoch = prefix.epoch;
    manifest.durable_lsn = std::min(manifest.durable_lsn, plan.to);
    DR_RETURN_IF_ERROR(repository->Publish(std::move(manifest), {}).status());
  }
  return absl::OkStatus();
}

absl::Status WriteInto(Machine& machine, Source& source, const SalvagePlan& plan,
                       const std::string& path) {
  DR_ASSIGN_OR_RETURN(dr::SegmentPrefix prefix, NewPrefix(machine, plan));
  if (source.repository == nullptr) {
    DR_ASSIGN_OR_RETURN(auto wal, machine.files.OpenDirectory(path, dr::Create::kIfMissing));
    DR_RETURN_IF_ERROR(WriteLog(*source.wal, plan, prefix, *wal));
  } else {
    DR_ASSIGN_OR_RETURN(dr::HostDirectory made, dr::HostDirectory::Open(machine.files, path));
    DR_RETURN_IF_ERROR(WriteLog(*source.wal, plan, prefix, *made.wal));
    DR_RETURN_IF_ERROR(WriteCheckpoints(machine, source, plan, prefix, std::move(made.store)));
  }
  // Not believed before it was read.
  DR_ASSIGN_OR_RETURN(Source written, OpenSource(machine, path));
  DR_ASSIGN_OR_RETURN(Verified verified, Verify(written));
  if (verified.last == plan.to) return absl::OkStatus();
  return absl::InternalError(
      fmt::format("the new log ends at {} and not at {}", verified.last.value, plan.to.value));
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
  if (output.name == "." || output.name == "..") {
    return Refused(path, "the output needs a name of its own", "name a new directory");
  }
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
  const std::string above = slash == std::string::npos ? "."
                            : slash == 0               ? "/"
                                                       : path.substr(0, slash);
  DR_ASSIGN_OR_RETURN(output.parent, machine.files.OpenDirectory(above, dr::Create::kNever));
  auto partial = output.parent->OpenDirectory(output.partial, dr::Create::kExclusive);
  if (absl::IsAlreadyExists(partial.status())) {
    return Refused(output.partial_path, "an earlier salvage was interrupted here", "remove it");
  }
  DR_RETURN_IF_ERROR(partial.status());
  return output;
}

// A host that goes on writing would not know of the other history.
absl::StatusOr<dr::DirectoryLock> KeepHostsOut(dr::Directory& wal) {
  auto there = wal.Info(dr::kLockName);
  if (absl::IsNotFound(there.status())) return dr::DirectoryLock();  // a copy, never opened
  auto lock = dr::DirectoryLock::Take(wal, dr::kLockName);
  if (!absl::IsUnavailable(lock.status())) return lock;
  return dr::MakeFault(
      {.kind = dr::FaultKind::kBusy, .place = std::string(dr::kLockName), .next = "stop it first"},
      "a host is at work in this log");
}

absl::Status Write(Machine& machine, Source& source, const SalvagePlan& plan,
                   const std::string& path) {
  DR_ASSIGN_OR_RETURN(Output output, PrepareOutput(machine, path));
  DR_RETURN_IF_ERROR(WriteInto(machine, source, plan, output.partial_path));
  DR_RETURN_IF_ERROR(output.parent->Rename(output.partial, output.name));
  const absl::Status synced = output.parent->Sync();
  if (synced.ok()) return synced;
  return dr::MakeFault({.kind = dr::FaultKind::kAmbiguous,
                        .place = path,
                        .next = "verify what is there, and sync the disk"},
                       fmt::format("it is written, but whether its name will last is not known: {}",
                                   dr::AsStd(synced.message())));
}

void PrintJson(const SalvageArguments& salvage, const SalvagePlan& plan) {
  JsonArray checkpoints;
  for (const dr::BackupManifest& manifest : plan.checkpoints) checkpoints.Add(manifest.as_of.value);
  JsonArray given_up;
  for (const std::string& line : plan.given_up) given_up.Add(line);
  fmt::print("{}\n", JsonObject()
                         .Add("ok", true)
                         .Add("written", !salvage.output.empty())
                         .Add("output", salvage.output)
                         .Add("from", plan.first.value)
                         .Add("last", plan.to.value)
                         .Add("checkpoints_as_of", checkpoints)
                         .Add("given_up", given_up)
                         .text());
}

void PrintText(const SalvageArguments& salvage, const SalvagePlan& plan) {
  const bool written = !salvage.output.empty();
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

absl::Status WalSalvage(Machine& machine, const Arguments& arguments,
                        const SalvageArguments& salvage) {
  DR_ASSIGN_OR_RETURN(Source source, OpenSource(machine, arguments.directory));
  DR_ASSIGN_OR_RETURN(const dr::DirectoryLock lock, KeepHostsOut(*source.wal));
  DR_ASSIGN_OR_RETURN(SalvagePlan plan, PlanSalvage(source, {salvage.to}));
  if (!salvage.output.empty()) {
    DR_RETURN_IF_ERROR(Write(machine, source, plan, salvage.output));
  }
  if (arguments.json) {
    PrintJson(salvage, plan);
  } else {
    PrintText(salvage, plan);
  }
  return absl::OkStatus();
}

}  // namespace drctl
