#include "dr/inspect/verify_replay.h"

#include <algorithm>
#include <map>
#include <utility>

#include "dr/adapter/directory_store.h"
#include "dr/clock.h"
#include "dr/environment/random.h"
#include "dr/log/wal.h"
#include "dr/repository/repository.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/out_of_memory.h"
#include "src/checkpoint/checkpoint_writer.h"
#include "src/checkpoint/component_recovery.h"
#include "src/component/digest_marker.h"
#include "src/directory/host_directory.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kCopyBytes = 1 << 20;

absl::Status CopyFile(Directory& from, Directory& to, const std::string& name) {
  DR_ASSIGN_OR_RETURN(std::unique_ptr<File> source, from.Open(name, {}));
  DR_ASSIGN_OR_RETURN(std::unique_ptr<File> target,
                      to.Open(name, {.access = Access::kWrite, .create = Create::kIfMissing}));
  std::vector<char> buffer(kCopyBytes);
  for (std::uint64_t offset = 0;;) {
    DR_ASSIGN_OR_RETURN(std::size_t read, source->ReadAt(offset, buffer));
    if (read == 0) return absl::OkStatus();
    DR_RETURN_IF_ERROR(target->WriteAt(offset, {buffer.data(), read}));
    offset += read;
  }
}

// Lies in the scratch place while that is filled: whoever meets it in the source copies a copy.
constexpr char kScratchMark[] = "REPLAY";

absl::Status CopyTree(Directory& from, Directory& to, std::uint64_t scratch_mark) {
  DR_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, from.List());
  for (const DirectoryEntry& entry : entries) {
    if (entry.type == DirectoryEntry::Type::kFile) {
      if (entry.name == kScratchMark) {
        DR_ASSIGN_OR_RETURN(std::unique_ptr<File> mark, from.Open(entry.name, {}));
        DR_ASSIGN_OR_RETURN(const FileInfo info, mark->Info());
        if (info.inode == scratch_mark) {
          return MakeFault({.kind = FaultKind::kInvalid, .next = "give a place elsewhere"},
                           "the scratch place lies inside the directory that is replayed");
        }
      }
      // With the hosts kept out, what goes away meanwhile is a tool's temporary file.
      if (absl::Status copied = CopyFile(from, to, entry.name); !absl::IsNotFound(copied)) {
        DR_RETURN_IF_ERROR(copied);
      }
    } else if (entry.type == DirectoryEntry::Type::kDirectory) {
      DR_ASSIGN_OR_RETURN(std::unique_ptr<Directory> source,
                          from.OpenDirectory(entry.name, Create::kNever));
      DR_ASSIGN_OR_RETURN(std::unique_ptr<Directory> target,
                          to.OpenDirectory(entry.name, Create::kIfMissing));
      DR_RETURN_IF_ERROR(CopyTree(*source, *target, scratch_mark));
    }
  }
  return absl::OkStatus();
}

absl::Status FillScratch(Directory& source, Directory& scratch) {
  DR_ASSIGN_OR_RETURN(
      std::unique_ptr<File> mark,
      scratch.Open(kScratchMark, {.access = Access::kWrite, .create = Create::kExclusive}));
  DR_ASSIGN_OR_RETURN(const FileInfo info, mark->Info());
  DR_RETURN_IF_ERROR(CopyTree(source, scratch, info.inode));
  return scratch.Remove(kScratchMark);
}

absl::Status Clear(Directory& directory) {
  DR_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, directory.List());
  for (const DirectoryEntry& entry : entries) {
    if (entry.type == DirectoryEntry::Type::kDirectory) {
      DR_ASSIGN_OR_RETURN(std::unique_ptr<Directory> child,
                          directory.OpenDirectory(entry.name, Create::kNever));
      DR_RETURN_IF_ERROR(Clear(*child));
      DR_RETURN_IF_ERROR(directory.RemoveDirectory(entry.name));
    } else {
      DR_RETURN_IF_ERROR(directory.Remove(entry.name));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Digest> DigestNow(const ComponentCore& component) {
  struct Summer : StateWriter {
    Digest sum;
    absl::Status WriteRecord(std::string_view record) override {
      sum += DigestOf(record);
      return absl::OkStatus();
    }
  } summer;
  DR_ASSIGN_OR_RETURN(std::optional<Digest> kept, component.callbacks().StateDigest());
  if (kept) return *kept;
  DR_RETURN_IF_ERROR(component.callbacks().Save(summer));
  return summer.sum;
}

// The copy, opened: from its oldest readable checkpoint on.
struct Past {
  SystemClock clock;
  SystemRandom random;
  HostDirectory directory;
  std::unique_ptr<DirectoryStore> store;
  std::unique_ptr<Repository> repository;
  std::optional<BackupManifest> base;
  std::vector<BackupManifest> newer;
  std::unique_ptr<Wal> wal;

  Lsn start() const { return base ? base->as_of : Lsn{}; }
};

absl::Status OpenPast(FileSystem& files, const std::string& path, Past& past) {
  DR_ASSIGN_OR_RETURN(past.directory, HostDirectory::Open(files, path));
  DR_ASSIGN_OR_RETURN(
      past.store, DirectoryStore::Open(std::move(past.directory.store), past.random, past.clock));
  DR_ASSIGN_OR_RETURN(past.repository, Repository::Open(*past.store, past.clock, past.random));
  DR_ASSIGN_OR_RETURN(CheckpointCandidates found, FindCheckpoints(*past.repository, {}));
  WalOptions options{
      .clock = &past.clock, .random = &past.random, .known_durable = found.known_durable};
  // With the whole log there, the beginning is the best base of all.
  absl::StatusOr<std::unique_ptr<Wal>> whole = Wal::Open(*past.directory.wal, options);
  if (whole.ok()) {
    past.wal = *std::move(whole);
  } else {
    if (found.readable.empty()) return whole.status();
    past.base = std::move(found.readable.back());
    found.readable.pop_back();
    options.needed_from = Next(past.base->as_of);
    DR_ASSIGN_OR_RETURN(past.wal, Wal::Open(*past.directory.wal, options));
  }
  past.newer = std::move(found.readable);
  return absl::OkStatus();
}

// One replay: fresh components at the base, and a reader behind it.
struct Run {
  std::vector<std::unique_ptr<StatefulComponent>> owned;
  ComponentSet components;
  std::unique_ptr<WalReader> reader;
};

absl::Status Begin(Past& past, const ReplayOptions& options, const ComponentFactory& factory,
                   Run& run) {
  try {
    run.owned = factory();
  } catch (const std::bad_alloc&) {
    throw;  // to the border, which knows its name
  } catch (...) {
    return MakeFault({.kind = FaultKind::kInvalid, .next = "make components that can be made"},
                     "the factory of components threw");
  }
  std::vector<StatefulComponent*> pointers;
  for (const auto& component : run.owned) pointers.push_back(component.get());
  DR_ASSIGN_OR_RETURN(run.components, ComponentSet::Claim(pointers, options.retired));
  if (past.base) {
    DR_RETURN_IF_ERROR(LoadManifest(*past.repository, *past.base, run.components, {}));
  }
  DR_ASSIGN_OR_RETURN(run.reader, past.wal->Read(Next(past.start())));
  return absl::OkStatus();
}

// What was recorded live: by component and Lsn, the digest after that operation.
using Recorded = std::map<std::string, std::map<std::uint64_t, Digest>, std::less<>>;

absl::StatusOr<Recorded> CollectRecorded(Past& past, const ComponentSet& components) {
  Recorded recorded;
  for (const BackupManifest& manifest : past.newer) {
    for (const ComponentSnapshot& snapshot : manifest.components) {
      const ComponentCore* component = components.Find(snapshot.component);
      if (component == nullptr || component->schema() != snapshot.schema) continue;
      recorded[snapshot.component][snapshot.as_of.value] = snapshot.digest;
    }
  }
  DR_ASSIGN_OR_RETURN(std::unique_ptr<WalReader> reader, past.wal->Read(Next(past.start())));
  for (;;) {
    DR_ASSIGN_OR_RETURN(std::optional<RecordView> record, reader->Next());
    if (!record) return recorded;
    if (record->kind != OperationKind::kMarker) continue;
    std::optional<DigestMarker> marker = DecodeDigestMarker(record->payload);
    const ComponentCore* component = components.Find(record->component);
    if (!marker || component == nullptr || component->schema().version != marker->schema_version) {
      continue;
    }
    recorded[std::string(record->component)][marker->as_of.value] = marker->digest;
  }
}

// Compares `component` at every recorded place before `upto`. False at the first difference.
absl::StatusOr<bool> Compare(const ComponentCore& component,
                             std::map<std::uint64_t, Digest>& places, std::uint64_t upto,
                             std::map<std::string, Lsn>& agreed, ReplayReport& report) {
  while (!places.empty() && places.begin()->first < upto) {
    const auto [lsn, digest] = *places.begin();
    places.erase(places.begin());
    if (Lsn{lsn} < component.applied()) continue;  // between the base and its components
    DR_ASSIGN_OR_RETURN(Digest now, DigestNow(component));
    ++report.digests;
    if (now != digest) {
      report.equal = false;
      report.component = component.id();
      report.last_equal = agreed[component.id()];
      report.first_difference = component.applied();
      return false;
    }
    agreed[component.id()] = {lsn};
  }
  return true;
}

absl::Status CompareAll(Past& past, const ReplayOptions& options, const ComponentFactory& factory,
                        ReplayReport& report) {
  Run run;
  DR_RETURN_IF_ERROR(Begin(past, options, factory, run));
  DR_ASSIGN_OR_RETURN(Recorded recorded, CollectRecorded(past, run.components));
  std::map<std::string, Lsn> agreed;
  for (const auto& [id, core] : run.components) agreed[std::string(id)] = core->applied();
  for (;;) {
    DR_ASSIGN_OR_RETURN(std::optional<RecordView> record, run.reader->Next());
    if (!record) break;
    if (auto places = recorded.find(record->component); places != recorded.end()) {
      DR_ASSIGN_OR_RETURN(bool equal, Compare(*run.components.Find(record->component),
                                              places->second, record->lsn.value, agreed, report));
      if (!equal) return absl::OkStatus();
    }
    DR_ASSIGN_OR_RETURN(const bool applied, run.components.Replay(*record));
    if (applied) ++report.operations;
  }
  for (auto& [id, places] : recorded) {
    DR_ASSIGN_OR_RETURN(bool equal,
                        Compare(*run.components.Find(id), places, ~0ULL, agreed, report));
    if (!equal) return absl::OkStatus();
  }
  return absl::OkStatus();
}

// Two replays in step. If they part, the operation depends on something that is not in the log.
absl::Status FindParting(Past& past, const ReplayOptions& options, const ComponentFactory& factory,
                         ReplayReport& report) {
  Run one, other;
  DR_RETURN_IF_ERROR(Begin(past, options, factory, one));
  DR_RETURN_IF_ERROR(Begin(past, options, factory, other));
  for (;;) {
    DR_ASSIGN_OR_RETURN(std::optional<RecordView> record, one.reader->Next());
    DR_ASSIGN_OR_RETURN(std::optional<RecordView> same, other.reader->Next());
    if (!record || !same || record->lsn > report.first_difference) return absl::OkStatus();
    DR_RETURN_IF_ERROR(one.components.Replay(*record).status());
    DR_RETURN_IF_ERROR(other.components.Replay(*same).status());
    if (record->component != report.component || record->lsn <= report.last_equal) continue;
    DR_ASSIGN_OR_RETURN(Digest first, DigestNow(*one.components.Find(report.component)));
    DR_ASSIGN_OR_RETURN(Digest second, DigestNow(*other.components.Find(report.component)));
    if (first == second) continue;
    report.first_difference = record->lsn;
    return absl::OkStatus();
  }
}

absl::StatusOr<ReplayReport> Verify(const ReplayOptions& options, const ComponentFactory& factory) {
  PosixFileSystem real;
  FileSystem& files = options.files != nullptr ? *options.files : real;
  DR_ASSIGN_OR_RETURN(std::unique_ptr<Directory> source,
                      files.OpenDirectory(options.directory, Create::kNever));
  DR_ASSIGN_OR_RETURN(std::unique_ptr<Directory> scratch,
                      files.OpenDirectory(options.scratch, Create::kIfMissing));
  DR_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> already, scratch->List());
  if (!already.empty()) {
    return MakeFault(
        {.kind = FaultKind::kExists, .place = options.scratch, .next = "give an empty directory"},
        "the scratch place is not empty");
  }
  // A copy of files that a host changes meanwhile would show damage that is not there.
  DR_ASSIGN_OR_RETURN(const DirectoryLock lock, HostDirectory::Lock(*source));
  ReplayReport report;
  absl::Status status = WithinMemory([&]() -> absl::Status {
    DR_RETURN_IF_ERROR(FillScratch(*source, *scratch));
    Past past;
    DR_RETURN_IF_ERROR(OpenPast(files, options.scratch, past));
    DR_RETURN_IF_ERROR(CompareAll(past, options, factory, report));
    return report.equal ? absl::OkStatus() : FindParting(past, options, factory, report);
  });
  if (absl::Status cleared = Clear(*scratch); status.ok()) status = cleared;
  DR_RETURN_IF_ERROR(status);
  report.text =
      report.equal
          ? fmt::format("{} operations replayed, {} digests agree", report.operations,
                        report.digests)
          : fmt::format("component '{}' differs after operation {} (equal up to {})",
                        report.component, report.first_difference.value, report.last_equal.value);
  return report;
}

}  // namespace

absl::StatusOr<ReplayReport> VerifyReplay(const ReplayOptions& options,
                                          const ComponentFactory& factory) {
  return WithinMemory([&] { return Verify(options, factory); });
}

}  // namespace dr::inline v0
