#include "tools/drctl/source.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/directory/host_directory.h"
#include "src/log/segment_files.h"

namespace drctl {
namespace {

absl::StatusOr<bool> IsWalFolder(dr::Directory& directory) {
  DR_ASSIGN_OR_RETURN(std::vector<dr::DirectoryEntry> entries, directory.List());
  return std::any_of(entries.begin(), entries.end(), [](const dr::DirectoryEntry& entry) {
    return entry.name == dr::kHeadName || dr::ParseSegmentName(entry.name);
  });
}

dr::Lsn OldestLsn(const dr::ObservedDirectory& observed) {
  // Where the oldest cannot be read, nothing is known to have been trimmed.
  if (observed.segments.empty() || !observed.segments.front().segment.ok()) return {1};
  const dr::LogSegment& oldest = *observed.segments.front().segment;
  // What began in a segment that is gone cannot be read.
  return oldest.continues ? dr::Next(oldest.prefix.first_lsn) : oldest.prefix.first_lsn;
}

absl::StatusOr<Verified> VerifyOnce(const Source& source) {
  Verified verified;
  DR_ASSIGN_OR_RETURN(verified.bounds, BoundsOf(source));
  DR_ASSIGN_OR_RETURN(dr::ObservedDirectory observed, dr::ObserveDirectory(*source.wal));
  verified.bounds = dr::WithMark(verified.bounds, observed);
  // More than is needed, where it is there: a host without its checkpoints would ask for it.
  dr::RecoveryBounds all = verified.bounds;
  all.needed_from = std::min(all.needed_from, OldestLsn(observed));
  auto decided = dr::DecideSegments(observed, all);
  if (decided.ok()) {
    verified.bounds = all;
  } else {
    decided = dr::DecideSegments(observed, verified.bounds);
  }
  DR_ASSIGN_OR_RETURN(std::vector<dr::LogSegment> segments, std::move(decided));
  verified.from = verified.bounds.needed_from;
  verified.last = {verified.from.value - 1};
  verified.segments = segments.size();
  if (segments.empty()) return verified;
  DR_ASSIGN_OR_RETURN(dr::RecoveredTail tail, dr::ReadTail(*source.wal, segments, verified.bounds));
  verified.evidence = tail.observed.evidence;
  verified.groups_behind = tail.groups_behind;
  DR_ASSIGN_OR_RETURN(auto reader, dr::OpenRecovered(*source.wal, segments,
                                                     tail.observed.stop_offset, verified.from));
  for (;;) {
    DR_ASSIGN_OR_RETURN(std::optional<dr::RecordView> record, reader->Next());
    if (!record || record->lsn > tail.observed.last) break;
    verified.last = record->lsn;
  }
  return verified;
}

absl::StatusOr<std::uint64_t> ChainEnd(dr::Directory& wal, const dr::LogSegment& segment) {
  std::unique_ptr<dr::File> file;
  DR_RETURN_IF_ERROR(dr::OpenLogSegment(wal, segment.name, file).status());
  dr::GroupReader groups(*file, segment);
  for (;;) {
    DR_ASSIGN_OR_RETURN(std::optional<dr::Group> group, groups.Next(segment.file_bytes));
    if (!group) return groups.offset();
  }
}

}  // namespace

absl::StatusOr<Source> OpenSource(Machine& machine, const std::string& path) {
  absl::StatusOr<dr::HostDirectory> generation = dr::HostDirectory::OpenToRead(machine.files, path);
  Source source;
  if (!generation.ok()) {
    if (!absl::IsNotFound(generation.status())) return generation.status();
    DR_ASSIGN_OR_RETURN(source.wal, machine.files.OpenDirectory(path, dr::Create::kNever));
    DR_ASSIGN_OR_RETURN(bool has_log, IsWalFolder(*source.wal));
    if (has_log) return source;
    return dr::MakeFault({.kind = dr::FaultKind::kMissing,
                          .place = path,
                          .next = "name the directory that the host was opened with"},
                         "this is neither a host's directory nor a folder of log segments");
  }
  source.generation = generation->name;
  source.wal = std::move(generation->wal);
  DR_ASSIGN_OR_RETURN(source.store, dr::DirectoryStore::OpenToRead(std::move(generation->store),
                                                                   machine.random, machine.clock));
  DR_ASSIGN_OR_RETURN(source.repository,
                      dr::Repository::Open(*source.store, machine.clock, machine.random));
  return source;
}

absl::StatusOr<Source> OpenHostSource(Machine& machine, const std::string& path) {
  DR_ASSIGN_OR_RETURN(Source source, OpenSource(machine, path));
  if (source.repository != nullptr) return source;
  return dr::MakeFault({.kind = dr::FaultKind::kInvalid,
                        .place = path,
                        .next = "name the host's directory, not its log"},
                       "a folder of log segments has no checkpoints");
}

absl::Status ReadAll(const Source& source, const dr::ComponentSnapshot& snapshot) {
  DR_ASSIGN_OR_RETURN(auto reader, source.repository->OpenSnapshot(snapshot, {}));
  for (;;) {
    DR_ASSIGN_OR_RETURN(std::optional<std::string_view> record, reader->Next());
    if (!record) return absl::OkStatus();
  }
}

absl::Status ReadAll(const Source& source, const dr::RepositoryEntry& entry) {
  DR_RETURN_IF_ERROR(entry.manifest.status());
  for (const dr::ComponentSnapshot& snapshot : entry.manifest->components) {
    DR_RETURN_IF_ERROR(ReadAll(source, snapshot));
  }
  return absl::OkStatus();
}

absl::StatusOr<dr::RecoveryBounds> BoundsOf(const Source& source) {
  dr::RecoveryBounds bounds;
  if (source.repository == nullptr) {
    DR_ASSIGN_OR_RETURN(dr::ObservedDirectory observed, dr::ObserveDirectory(*source.wal));
    bounds.needed_from = OldestLsn(observed);
    return bounds;
  }
  DR_ASSIGN_OR_RETURN(dr::CheckpointCandidates found, dr::FindCheckpoints(*source.repository, {}));
  bounds.known = std::move(found.known_durable);
  if (!found.readable.empty()) bounds.needed_from = dr::Next(found.readable.back().as_of);
  return bounds;
}

absl::Status ChangesTooFast() {
  return dr::MakeFault(
      {.kind = dr::FaultKind::kBusy, .next = "run it again when the host has less to do"},
      "what is here changes faster than it can be read");
}

absl::StatusOr<Verified> Verify(const Source& source) {
  return Settled([&] { return VerifyOnce(source); });
}

absl::StatusOr<Readable> FindReadable(dr::Directory& wal, dr::Lsn from) {
  DR_ASSIGN_OR_RETURN(dr::ObservedDirectory observed, dr::ObserveDirectory(wal));
  Readable readable{.from = from, .last = {from.value - 1}};
  absl::Status refused = absl::OkStatus();
  // The longest row of segments that is a log by the rules of recovery, if it ended there.
  for (; !observed.segments.empty(); observed.segments.pop_back()) {
    const dr::ObservedSegment& newest = observed.segments.back();
    observed.head = newest.segment.ok() ? absl::StatusOr<dr::SegmentPrefix>(newest.segment->prefix)
                                        : newest.segment.status();
    auto segments = dr::DecideSegments(observed, {.needed_from = from});
    if (segments.ok()) {
      readable.segments = *std::move(segments);
      break;
    }
    if (!absl::IsDataLoss(segments.status())) return segments.status();
    refused = segments.status();
  }
  if (readable.segments.empty()) {
    if (!refused.ok()) return refused;
    return readable;
  }
  DR_ASSIGN_OR_RETURN(readable.limit, ChainEnd(wal, readable.segments.back()));
  DR_ASSIGN_OR_RETURN(auto reader, dr::OpenRecovered(wal, readable.segments, readable.limit, from));
  for (;;) {
    auto record = reader->Next();
    if (!record.ok() && !absl::IsDataLoss(record.status())) return record.status();
    if (!record.ok() || !*record) return readable;
    if (!(*record)->batch_continues) readable.last = (*record)->lsn;
  }
}

absl::StatusOr<std::vector<dr::Lsn>> PossibleStarts(const Source& source) {
  DR_ASSIGN_OR_RETURN(dr::ObservedDirectory observed, dr::ObserveDirectory(*source.wal));
  std::vector<dr::Lsn> starts = {OldestLsn(observed)};
  if (source.repository != nullptr) {
    DR_ASSIGN_OR_RETURN(dr::CheckpointCandidates found,
                        dr::FindCheckpoints(*source.repository, {}));
    for (auto it = found.readable.rbegin(); it != found.readable.rend(); ++it) {
      starts.push_back(dr::Next(it->as_of));
    }
  }
  std::sort(starts.begin(), starts.end());
  return starts;
}

}  // namespace drctl
