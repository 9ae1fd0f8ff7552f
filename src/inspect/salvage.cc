#include "dr/inspect/salvage.h"

#include <algorithm>
#include <set>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/directory_lock.h"
#include "src/base/out_of_memory.h"
#include "src/directory/host_directory.h"
#include "src/inspect/new_place.h"
#include "src/inspect/salvage_plan.h"
#include "src/inspect/stored_host_parts.h"
#include "src/log/copy_records.h"
#include "src/log/log_history.h"
#include "src/log/segment_files.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kGroupBytes = 1 << 20;

// A host that goes on writing would not know of the other history.
absl::StatusOr<DirectoryLock> KeepHostsOut(Directory& wal) {
  const auto there = wal.Info(kLockName);
  if (absl::IsNotFound(there.status())) return DirectoryLock();  // a copy, never opened
  auto lock = DirectoryLock::Take(wal, kLockName);
  if (!absl::IsUnavailable(lock.status())) return lock;
  return MakeFault(
      {.kind = FaultKind::kBusy, .place = std::string(kLockName), .next = "stop it first"},
      "a host is at work in this log");
}

/// The new log is another one: files of the old can never be taken for its own.
absl::StatusOr<SegmentPrefix> NewPrefix(const StoredHost::Parts& host,
                                        const PlannedSalvage& salvage) {
  const ResolvedEnvironment& environment = host.environment;
  SegmentPrefix prefix{.block_bytes = kBlockBytes,
                       .epoch = {1},
                       .first_lsn = salvage.plan.first,
                       .durable_lsn = salvage.plan.to,
                       .created = environment.clock.WallTime()};
  for (const LogSegment& segment : salvage.log.segments) {
    prefix.epoch = {std::max(prefix.epoch.value, segment.prefix.epoch.value + 1)};
    prefix.created = std::max(prefix.created, segment.prefix.created);
  }
  for (const BackupManifest& manifest : salvage.plan.checkpoints) {
    prefix.epoch = {std::max(prefix.epoch.value, manifest.epoch.value + 1)};
  }
  HistoryReader history(*host.wal, salvage.log.segments, salvage.log.limit);
  DR_ASSIGN_OR_RETURN(const std::optional<Digest> before,
                      history.At({salvage.plan.first.value - 1}));
  prefix.history_lsn = {salvage.plan.first.value - 1};
  prefix.history = before.value_or(Digest{});  // not known: the new log counts from here
  DR_ASSIGN_OR_RETURN(prefix.log.high, environment.random.Next());
  DR_ASSIGN_OR_RETURN(prefix.log.low, environment.random.Next());
  DR_ASSIGN_OR_RETURN(prefix.salt, environment.random.Next());
  return prefix;
}

/// One salvage on its way to one place. The new log is written as recovery writes a segment: whole,
/// synced, and with a prefix that says so, before it gets its name.
class SalvageWriter {
 public:
  SalvageWriter(const StoredHost::Parts& host, const PlannedSalvage& salvage,
                const SegmentPrefix& prefix)
      : host_(host), salvage_(salvage), prefix_(prefix) {}

  absl::Status WriteInto(const std::string& path) {
    if (host_.repository == nullptr) {
      DR_ASSIGN_OR_RETURN(const auto wal,
                          host_.environment.files.OpenDirectory(path, Create::kIfMissing));
      return WriteLog(*wal);
    }
    DR_ASSIGN_OR_RETURN(HostDirectory made, HostDirectory::Open(host_.environment.files, path));
    DR_RETURN_IF_ERROR(WriteLog(*made.wal));
    return WriteCheckpoints(std::move(made.store));
  }

 private:
  absl::Status WriteLog(Directory& to) {
    const std::string block = EncodePrefix(prefix_);
    for (const LogFileName& name : {SegmentName(prefix_.number), LogFileName(kHeadName)}) {
      DR_ASSIGN_OR_RETURN(const auto file,
                          to.Open(name, {.access = Access::kWrite, .create = Create::kExclusive}));
      DR_RETURN_IF_ERROR(file->WriteAt(0, block));
      if (name.view() != kHeadName) DR_RETURN_IF_ERROR(WriteRecords(*file, PrefixHash(block)));
      DR_RETURN_IF_ERROR(file->Sync());
    }
    return to.Sync();
  }

  absl::Status WriteRecords(File& file, std::uint64_t prefix_hash) {
    const SalvagePlan& plan = salvage_.plan;
    DR_ASSIGN_OR_RETURN(const auto reader, OpenRecovered(*host_.wal, salvage_.log.segments,
                                                         salvage_.log.limit, plan.first));
    GroupBuilder builder(prefix_, prefix_hash);
    AlignedBuffer buffer(kGroupBytes);
    Digest history = prefix_.history;
    std::uint64_t offset = kBlockBytes;
    const auto write = [&](std::string_view group) -> absl::Status {
      DR_RETURN_IF_ERROR(file.WriteAt(offset, group));
      offset += group.size();
      return absl::OkStatus();
    };
    return CopyRecords(*reader, plan.first, plan.to,
                       {builder, buffer.span(), plan.to, history, write})
        .status();
  }

  absl::Status WriteCheckpoints(std::unique_ptr<Directory> to) {
    const ResolvedEnvironment& environment = host_.environment;
    DR_ASSIGN_OR_RETURN(const auto store,
                        DirectoryStore::Open(std::move(to), environment.random, environment.clock));
    DR_ASSIGN_OR_RETURN(const auto repository,
                        Repository::Open(*store, environment.clock, environment.random));
    std::set<std::string> copied;
    for (BackupManifest manifest : salvage_.plan.checkpoints) {
      for (const ComponentSnapshot& snapshot : manifest.components) {
        for (const ObjectRef& object : snapshot.objects) {
          if (!copied.insert(object.name).second) continue;
          DR_ASSIGN_OR_RETURN(const Item item, host_.store->Get(object.name, {}));
          DR_RETURN_IF_ERROR(store->Put(object.name, item.value, {}, {}).status());
        }
      }
      manifest.log = prefix_.log;
      manifest.epoch = prefix_.epoch;
      manifest.durable_lsn = std::min(manifest.durable_lsn, salvage_.plan.to);
      manifest.history = {};  // of what is given up here, or counted from elsewhere
      DR_RETURN_IF_ERROR(repository->Publish(std::move(manifest), {}).status());
    }
    return absl::OkStatus();
  }

  const StoredHost::Parts& host_;
  const PlannedSalvage& salvage_;
  const SegmentPrefix& prefix_;
};

// Not believed before it was read.
absl::Status ReadBack(const ResolvedEnvironment& environment, const std::string& path, Lsn last) {
  DR_ASSIGN_OR_RETURN(const StoredHost written,
                      StoredHost::Open(path, {.files = &environment.files,
                                              .clock = &environment.clock,
                                              .random = &environment.random}));
  DR_ASSIGN_OR_RETURN(const WholeLog whole, ReadWholeLog(written.parts()));
  if (whole.last == last) return absl::OkStatus();
  return absl::InternalError(
      fmt::format("the new log ends at {} and not at {}", whole.last.value, last.value));
}

}  // namespace

struct Salvage::Parts {
  const StoredHost::Parts& host;
  DirectoryLock lock;
  PlannedSalvage planned;
};

Salvage::Salvage(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Salvage::Salvage(Salvage&& other) noexcept = default;
Salvage::~Salvage() = default;

absl::StatusOr<Salvage> Salvage::Plan(const StoredHost& host, Lsn to) {
  return WithinMemory([&]() -> absl::StatusOr<Salvage> {
    DR_ASSIGN_OR_RETURN(DirectoryLock lock, KeepHostsOut(*host.parts().wal));
    DR_ASSIGN_OR_RETURN(PlannedSalvage planned, PlanSalvage(host.parts(), to));
    return Salvage(std::make_unique<Parts>(
        Parts{.host = host.parts(), .lock = std::move(lock), .planned = std::move(planned)}));
  });
}

const SalvagePlan& Salvage::plan() const { return parts_->planned.plan; }

absl::Status Salvage::WriteTo(const std::string& path) const {
  return WithinMemory([&]() -> absl::Status {
    const auto& [host, lock, planned] = *parts_;
    DR_ASSIGN_OR_RETURN(const SegmentPrefix prefix, NewPrefix(host, planned));
    DR_ASSIGN_OR_RETURN(NewPlace place, NewPlace::Prepare(host.environment.files, path));
    DR_RETURN_IF_ERROR(SalvageWriter(host, planned, prefix).WriteInto(place.partial_path()));
    DR_RETURN_IF_ERROR(ReadBack(host.environment, place.partial_path(), planned.plan.to));
    return place.Publish();
  });
}

}  // namespace dr::inline v0
