#include "src/component/component_set.h"

#include <algorithm>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

absl::Status CheckNames(const ComponentCore& core) {
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
  return absl::OkStatus();
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

absl::StatusOr<ComponentSet> ComponentSet::Claim(const std::vector<StatefulComponent*>& components,
                                                 std::vector<std::string> retired) {
  ComponentSet set;
  set.retired_ = std::move(retired);
  for (StatefulComponent* component : components) {
    if (component == nullptr) {
      return MakeFault({.kind = FaultKind::kInvalid, .next = "leave it out"},
                       "one of the components is null");
    }
    const std::shared_ptr<ComponentCore> core = ComponentCore::Share(*component);
    DR_RETURN_IF_ERROR(CheckNames(*core));
    if (!set.cores_.try_emplace(core->id(), core).second) {
      return MakeFault({.kind = FaultKind::kInvalid,
                        .place = core->id(),
                        .next = "give each component an id of its own"},
                       fmt::format("component '{}': the id is used twice", core->id()));
    }
    DR_RETURN_IF_ERROR(core->Claim());
    SchemaUpgrades own;
    DR_RETURN_IF_ERROR(core->callbacks().RegisterUpgrades(own));
    DR_RETURN_IF_ERROR(set.upgrades_.Merge(own));
  }
  return set;
}

ComponentCore* ComponentSet::Find(std::string_view id) const {
  const auto found = cores_.find(id);
  return found == cores_.end() ? nullptr : found->second.get();
}

std::vector<ComponentCore*> ComponentSet::All() const {
  std::vector<ComponentCore*> all;
  for (const auto& [id, core] : cores_) all.push_back(core.get());
  return all;
}

absl::StatusOr<ComponentCore*> ComponentSet::OwnerOf(std::string_view id, Lsn lsn) const {
  ComponentCore* const core = Find(id);
  if (core != nullptr || std::ranges::find(retired_, id) != retired_.end()) return core;
  return MakeFault({.kind = FaultKind::kUsage,
                    .place = std::string(id),
                    .lsn = lsn,
                    .next = "give it to the host, or name it in RecoveryOptions::retired to give "
                            "up its state"},
                   fmt::format("component '{}' has state here but was not given to the host", id));
}

absl::StatusOr<std::unique_ptr<StateReader>> ComponentSet::Upgrade(
    std::unique_ptr<StateReader> records, const Schema& schema,
    const ComponentCore& component) const {
  DR_RETURN_IF_ERROR(CheckSchemaName(component, schema.name));
  return upgrades_.UpgradeState(std::move(records), schema.name, schema.version,
                                component.schema().version);
}

absl::StatusOr<bool> ComponentSet::Replay(const RecordView& record) const {
  if (record.kind == OperationKind::kMarker) return false;
  DR_ASSIGN_OR_RETURN(ComponentCore * component, OwnerOf(record.component, record.lsn));
  if (component == nullptr || record.lsn <= component->applied()) return false;
  const std::string_view name = record.schema_name.empty() ? record.component : record.schema_name;
  DR_RETURN_IF_ERROR(CheckSchemaName(*component, name));
  std::string upgraded;
  std::string_view payload = record.payload;
  if (record.schema_version != component->schema().version) {
    DR_ASSIGN_OR_RETURN(upgraded, upgrades_.UpgradeOperation(payload, name, record.schema_version,
                                                             component->schema().version));
    payload = upgraded;
  }
  DR_RETURN_IF_ERROR(component->callbacks().Replay(record, payload));
  return true;
}

absl::Status ComponentSet::Clear() const {
  NoRecords none;
  for (const auto& [id, core] : cores_) DR_RETURN_IF_ERROR(core->callbacks().Load(none, {}));
  return absl::OkStatus();
}

}  // namespace dr::inline v0
