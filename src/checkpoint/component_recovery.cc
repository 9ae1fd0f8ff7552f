#include "src/checkpoint/component_recovery.h"

#include <algorithm>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/checkpoint/checkpoint_writer.h"

namespace dr::inline v0 {
namespace {

// All that the reader has, within the context.
absl::StatusOr<Replayed> ReplayLog(WalReader& reader, const ComponentSet& components,
                                   RetiredComponents& retired, const Clock& clock,
                                   const Context& context) {
  Replayed replayed;
  for (;;) {
    DR_RETURN_IF_ERROR(CheckContext(context, clock, "the replay"));
    DR_ASSIGN_OR_RETURN(std::optional<RecordView> record, reader.Next());
    if (!record) return replayed;
    DR_ASSIGN_OR_RETURN(const bool applied, components.Replay(*record));
    if (!applied) {
      const bool owned =
          record->kind == OperationKind::kMarker || components.Find(record->component) != nullptr;
      if (!owned) retired[std::string(record->component)] = record->lsn;
      continue;
    }
    ++replayed.operations;
    replayed.bytes += record->payload.size();
  }
}

}  // namespace

RetiredComponents RetiredIn(const BackupManifest& manifest, const ComponentSet& components) {
  RetiredComponents retired;
  for (const ComponentSnapshot& snapshot : manifest.components) {
    if (components.Find(snapshot.component) == nullptr) {
      retired[snapshot.component] = snapshot.as_of;
    }
  }
  return retired;
}

absl::Status LoadManifest(Repository& repository, const BackupManifest& manifest,
                          const ComponentSet& components, const Context& context) {
  for (const ComponentSnapshot& snapshot : manifest.components) {
    DR_ASSIGN_OR_RETURN(ComponentCore * component,
                        components.OwnerOf(snapshot.component, snapshot.as_of));
    if (component == nullptr) continue;
    DR_ASSIGN_OR_RETURN(std::unique_ptr<StateReader> records,
                        repository.OpenSnapshot(snapshot, context));
    DR_ASSIGN_OR_RETURN(records,
                        components.Upgrade(std::move(records), snapshot.schema, *component));
    DR_RETURN_IF_ERROR(component->callbacks().Load(*records, snapshot.as_of));
  }
  return absl::OkStatus();
}

absl::StatusOr<Recovered> RecoverComponents(Repository& repository, Directory& wal_directory,
                                            WalOptions wal_options, const ComponentSet& components,
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
    absl::Status loaded = LoadManifest(repository, manifest, components, context);
    if (loaded.ok()) {
      recovered.retired = RetiredIn(manifest, components);
      recovered.manifest = std::move(manifest);
      break;
    }
    if (!absl::IsDataLoss(loaded)) return loaded;
    skipped(manifest.sequence, manifest.as_of, loaded);
    // Nothing of the half-loaded state may stay: the next one may lack a component that this one
    // had.
    DR_RETURN_IF_ERROR(components.Clear());
  }
  if (!recovered.manifest) skip_newer_than(0);
  wal_options.known_durable = std::move(found.known_durable);
  wal_options.needed_from = {1};
  if (recovered.manifest) wal_options.needed_from = Next(recovered.manifest->as_of);
  DR_ASSIGN_OR_RETURN(recovered.wal, Wal::Open(wal_directory, wal_options));
  DR_ASSIGN_OR_RETURN(std::unique_ptr<WalReader> reader,
                      recovered.wal->Read(wal_options.needed_from));
  DR_ASSIGN_OR_RETURN(recovered.replayed, ReplayLog(*reader, components, recovered.retired,
                                                    *wal_options.clock, context));
  return recovered;
}

}  // namespace dr::inline v0
