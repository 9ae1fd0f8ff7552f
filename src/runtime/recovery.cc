#include "src/runtime/recovery.h"

#include <algorithm>
#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"
#include "src/runtime/checkpoint_writer.h"

namespace dr::inline v0 {
namespace {

struct EmptyState final : StateReader {
  absl::StatusOr<std::optional<std::string_view>> Next() override { return std::nullopt; }
};

bool IsRetired(const std::vector<std::string>& retired, std::string_view component) {
  return std::find(retired.begin(), retired.end(), component) != retired.end();
}

absl::Status NotGiven(std::string_view component, Lsn lsn) {
  return MakeFault(
      {.kind = FaultKind::kUsage,
       .place = std::string(component),
       .lsn = lsn,
       .next = "give it to the host, or name it in RecoveryOptions::retired to give "
               "up its state"},
      fmt::format("component '{}' has state here but was not given to the host", component));
}

absl::Status CheckSchemaName(const ComponentCore& component, std::string_view found) {
  if (found == component.schema().name) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kVersion,
                    .place = component.id(),
                    .next = "give the component the schema it was written with"},
                   fmt::format("component '{}' was written with schema '{}', its schema is '{}'",
                               component.id(), found, component.schema().name));
}

}  // namespace

absl::StatusOr<ComponentTable> ClaimComponents(const std::vector<StatefulComponent*>& components,
                                               RestoreRegistry& upgrades) {
  ComponentTable table;
  for (StatefulComponent* component : components) {
    if (component == nullptr) {
      return MakeFault({.kind = FaultKind::kInvalid, .next = "leave it out"},
                       "one of the components is null");
    }
    const std::shared_ptr<ComponentCore> shared = ComponentCore::Share(*component);
    ComponentCore& core = *shared;
    const auto bad = [&](std::string_view what) {
      return MakeFault({.kind = FaultKind::kInvalid,
                        .place = core.id(),
                        .next = "give each component an id of 1 to 128 bytes of its own, a schema "
                                "name and a version from 1 on"},
                       fmt::format("component '{}': {}", core.id(), what));
    };
    if (core.id().empty() || core.id().size() > kMaxNameBytes) return bad("the id's length");
    if (core.schema().name.empty() || core.schema().name.size() > kMaxNameBytes) {
      return bad("the schema name's length");
    }
    if (core.schema().version == 0) return bad("schema version 0");
    if (!table.try_emplace(core.id(), shared).second) return bad("the id is used twice");
    DR_RETURN_IF_ERROR(core.Claim());
    RestoreRegistry own;
    DR_RETURN_IF_ERROR(core.RegisterUpgrades(own));
    DR_RETURN_IF_ERROR(upgrades.Merge(own));
  }
  return table;
}

absl::Status LoadManifest(Repository& repository, const BackupManifest& manifest,
                          const ComponentTable& components, const RestoreRegistry& upgrades,
                          const std::vector<std::string>& retired, const Context& context) {
  for (const ComponentSnapshot& snapshot : manifest.components) {
    auto found = components.find(snapshot.component);
    if (found == components.end()) {
      if (IsRetired(retired, snapshot.component)) continue;
      return NotGiven(snapshot.component, snapshot.as_of);
    }
    ComponentCore& component = *found->second;
    DR_RETURN_IF_ERROR(CheckSchemaName(component, snapshot.schema.name));
    DR_ASSIGN_OR_RETURN(std::unique_ptr<StateReader> records,
                        repository.OpenSnapshot(snapshot, context));
    DR_ASSIGN_OR_RETURN(records,
                        upgrades.UpgradeState(std::move(records), snapshot.schema.name,
                                              snapshot.schema.version, component.schema().version));
    DR_RETURN_IF_ERROR(component.Load(*records, snapshot.as_of));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> ReplayRecord(const RecordView& record, const ComponentTable& components,
                                  const RestoreRegistry& upgrades,
                                  const std::vector<std::string>& retired) {
  if (record.kind == OperationKind::kMarker) return false;
  auto found = components.find(record.component);
  if (found == components.end()) {
    if (IsRetired(retired, record.component)) return false;
    return NotGiven(record.component, record.lsn);
  }
  ComponentCore& component = *found->second;
  if (record.lsn <= component.applied()) return false;
  const std::string_view name = record.schema_name.empty() ? record.component : record.schema_name;
  DR_RETURN_IF_ERROR(CheckSchemaName(component, name));
  std::string upgraded;
  std::string_view payload = record.payload;
  if (record.schema_version != component.schema().version) {
    DR_ASSIGN_OR_RETURN(upgraded, upgrades.UpgradeOperation(payload, name, record.schema_version,
                                                            component.schema().version));
    payload = upgraded;
  }
  DR_RETURN_IF_ERROR(component.Replay(record, payload));
  return true;
}

absl::StatusOr<Replayed> ReplayLog(WalReader& reader, const ComponentTable& components,
                                   const RestoreRegistry& upgrades,
                                   const std::vector<std::string>& retired, const Clock& clock,
                                   const Context& context) {
  Replayed replayed;
  for (;;) {
    DR_RETURN_IF_ERROR(CheckContext(context, clock, "the replay"));
    DR_ASSIGN_OR_RETURN(std::optional<RecordView> record, reader.Next());
    if (!record) return replayed;
    DR_ASSIGN_OR_RETURN(bool applied, ReplayRecord(*record, components, upgrades, retired));
    if (!applied) continue;
    ++replayed.operations;
    replayed.bytes += record->payload.size();
  }
}

absl::StatusOr<Recovered> RecoverComponents(Repository& repository, Directory& wal_directory,
                                            WalOptions wal_options,
                                            const ComponentTable& components,
                                            const RestoreRegistry& upgrades,
                                            const std::vector<std::string>& retired,
                                            Observer* observer, const Context& context) {
  const auto skipped = [&](std::uint64_t sequence, Lsn as_of, const absl::Status& why) {
    if (observer == nullptr) return;
    observer->OnEvent(
        {.kind = EventKind::kCheckpointSkipped,
         .lsn = as_of,
         .status = why,
         .text = fmt::format("checkpoint {} cannot be used: {}", sequence, AsStd(why.message()))});
  };
  DR_ASSIGN_OR_RETURN(CheckpointCandidates found, FindCheckpoints(repository, context));
  auto unreadable = found.unreadable.begin();
  const auto skip_newer_than = [&](std::uint64_t sequence) {
    for (; unreadable != found.unreadable.end() && unreadable->sequence > sequence; ++unreadable) {
      skipped(unreadable->sequence, {}, unreadable->manifest.status());
    }
  };
  Recovered recovered;
  for (BackupManifest& manifest : found.readable) {
    skip_newer_than(manifest.sequence);
    absl::Status loaded =
        LoadManifest(repository, manifest, components, upgrades, retired, context);
    if (loaded.ok()) {
      recovered.manifest = std::move(manifest);
      break;
    }
    if (!absl::IsDataLoss(loaded)) return loaded;
    skipped(manifest.sequence, manifest.as_of, loaded);
    // Nothing of the half-loaded state may stay: the next one may lack a component that this one
    // had.
    EmptyState empty;
    for (const auto& [id, component] : components) DR_RETURN_IF_ERROR(component->Load(empty, {}));
  }
  if (!recovered.manifest) skip_newer_than(0);
  wal_options.known_durable = std::move(found.known_durable);
  wal_options.needed_from = {1};
  if (recovered.manifest) wal_options.needed_from = Next(recovered.manifest->as_of);
  DR_ASSIGN_OR_RETURN(recovered.wal, Wal::Open(wal_directory, wal_options));
  DR_ASSIGN_OR_RETURN(std::unique_ptr<WalReader> reader,
                      recovered.wal->Read(wal_options.needed_from));
  DR_ASSIGN_OR_RETURN(recovered.replayed, ReplayLog(*reader, components, upgrades, retired,
                                                    *wal_options.clock, context));
  return recovered;
}

}  // namespace dr::inline v0
