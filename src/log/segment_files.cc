#include "src/log/segment_files.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/assert.h"
#include "src/base/set_aside.h"

namespace dr::inline v0 {
namespace {

constexpr std::string_view kSegmentSuffix = ".wal";
constexpr std::string_view kSpareSuffix = ".spare";
constexpr std::string_view kTemporarySuffix = ".tmp";
constexpr std::string_view kHeadTemporary = "HEAD.tmp";
constexpr std::string_view kSpareHeadSuffix = ".head.tmp";
constexpr std::string_view kProbeName = "probe.tmp";
constexpr std::size_t kNameDigits = 16;
constexpr std::size_t kChunkBytes = 1 << 20;

std::optional<std::uint64_t> ParseNumbered(std::string_view name, std::string_view suffix) {
  if (name.size() != kNameDigits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  std::uint64_t number = 0;
  const char* end = name.data() + kNameDigits;
  auto [stop, error] = std::from_chars(name.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

// The error of a file by the name that it has now; a File knows the one it was opened by.
absl::Status NamedAsNow(const NamedFile& file, const absl::Status& status) {
  const std::optional<Fault> fault = FaultOf(status);
  if (!fault) return status;
  const std::size_t folder = fault->place.rfind('/') + 1;  // none: 0
  return WithPlace(status, fmt::format("{}{}", fault->place.substr(0, folder), file.name));
}

}  // namespace

LogFileName SegmentName(std::uint64_t number) { return {number, kSegmentSuffix}; }

std::optional<std::uint64_t> ParseSegmentName(std::string_view name) {
  return ParseNumbered(name, kSegmentSuffix);
}

SegmentFiles::SegmentFiles(Directory& directory, std::uint64_t segment_bytes)
    : directory_(directory),
      segment_bytes_(segment_bytes),
      zeros_(std::min<std::uint64_t>(kChunkBytes, segment_bytes)) {}

absl::StatusOr<std::unique_ptr<SegmentFiles>> SegmentFiles::Open(Directory& directory,
                                                                 std::uint64_t segment_bytes) {
  std::unique_ptr<SegmentFiles> files(new SegmentFiles(directory, segment_bytes));
  DR_ASSIGN_OR_RETURN(files->lock_, DirectoryLock::Take(directory, kLockName));
  files->lock_.Sign();
  DR_RETURN_IF_ERROR(files->ClearNames());
  DR_ASSIGN_OR_RETURN(files->in_place_, directory.OverwriteInPlace());
  DR_RETURN_IF_ERROR(files->ProbePath());
  return files;
}

absl::Status SegmentFiles::ClearNames() const {
  DR_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, directory_.List());
  for (const DirectoryEntry& entry : entries) {
    if (entry.type == DirectoryEntry::Type::kFile) continue;
    if (entry.name.ends_with(kTemporarySuffix) || entry.name.ends_with(kSpareSuffix)) {
      DR_RETURN_IF_ERROR(SetAsideUnlessFile(directory_, entry.name));
    }
  }
  return absl::OkStatus();
}

// Where nothing is overwritten in place, one file is as good as another.
absl::StatusOr<bool> SegmentFiles::CanRecycle(File& file, std::uint64_t size) const {
  if (size != segment_bytes_) return false;
  return in_place_ ? file.IsInPlace() : true;
}

// A file system may accept the flags and refuse the write, so the probe writes.
absl::Status SegmentFiles::ProbePath() {
  auto probe = directory_.Open(
      kProbeName,
      {.access = Access::kWrite, .create = Create::kIfMissing, .path = WritePath::kDirect});
  absl::Status written =
      probe.ok() ? (*probe)->WriteAt(0, {zeros_.data(), kBlockBytes}) : probe.status();
  // On a full disk nothing can be written; that a file can be opened so must do.
  if (absl::IsResourceExhausted(written)) {
    written =
        directory_.Open(kLockName, {.access = Access::kWrite, .path = WritePath::kDirect}).status();
  }
  if (absl::IsUnimplemented(written) || absl::IsInvalidArgument(written)) {
    path_ = WritePath::kBuffered;
  } else if (!written.ok()) {
    return written;
  }
  return probe.ok() ? directory_.Remove(kProbeName) : absl::OkStatus();
}

absl::StatusOr<SpareList> SegmentFiles::AdoptSpares() const {
  std::vector<SegmentFile> spares;
  std::uint64_t next_number = 1;
  DR_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, directory_.List());
  for (const DirectoryEntry& entry : entries) {
    if (entry.type != DirectoryEntry::Type::kFile) continue;
    if (entry.name.ends_with(kTemporarySuffix)) {
      // `drctl doctor` may have been faster.
      absl::Status removed = directory_.Remove(entry.name);
      if (!absl::IsNotFound(removed)) DR_RETURN_IF_ERROR(removed);
    }
    std::optional<std::uint64_t> number = ParseNumbered(entry.name, kSpareSuffix);
    if (!number) continue;
    next_number = std::max(next_number, *number + 1);
    DR_ASSIGN_OR_RETURN(NamedFile file, OpenForWriting(LogFileName(entry.name), Create::kNever));
    DR_ASSIGN_OR_RETURN(FileInfo info, file.file->Info());
    // An unfinished spare may have lost the tail of its preparation; only a whole one is trusted.
    DR_ASSIGN_OR_RETURN(const bool whole, CanRecycle(*file.file, info.size));
    if (!whole || spares.size() >= SpareList::kKeptMax) {
      DR_RETURN_IF_ERROR(directory_.Remove(entry.name));
      continue;
    }
    SegmentFile spare{.segment = std::move(file), .prepared_bytes = segment_bytes_};
    DR_ASSIGN_OR_RETURN(const bool usable, MakeHeadOrRemove(spare));
    if (usable) spares.push_back(std::move(spare));
  }
  return SpareList(segment_bytes_, std::move(spares), next_number);
}

// What a rotation will need is opened and takes its room now, while it may still fail.
absl::Status SegmentFiles::MakeHead(SegmentFile& spare) const {
  spare.head.name = {*ParseNumbered(spare.segment.name, kSpareSuffix), kSpareHeadSuffix};
  DR_ASSIGN_OR_RETURN(
      spare.head.file,
      directory_.Open(spare.head.name, {.access = Access::kWrite, .create = Create::kIfMissing}));
  absl::Status written = spare.head.file->WriteAt(0, {zeros_.data(), kBlockBytes});
  if (written.ok()) written = spare.head.file->Sync();
  if (!written.ok()) static_cast<void>(directory_.Remove(spare.head.name));
  return written;
}

absl::StatusOr<bool> SegmentFiles::MakeHeadOrRemove(SegmentFile& whole) const {
  const absl::Status made = MakeHead(whole);
  if (made.ok()) return true;
  if (!absl::IsResourceExhausted(made)) return made;
  DR_RETURN_IF_ERROR(directory_.Remove(whole.segment.name));
  return false;
}

absl::StatusOr<NamedFile> SegmentFiles::OpenForWriting(LogFileName name, Create create) const {
  DR_ASSIGN_OR_RETURN(
      std::unique_ptr<File> file,
      directory_.Open(name, {.access = Access::kWrite, .create = create, .path = path_}));
  return NamedFile{name, std::move(file)};
}

absl::Status SegmentFiles::WriteAndSync(const NamedFile& file, std::uint64_t offset,
                                        std::string_view data) const {
  absl::Status written = file.file->WriteAt(offset, data);
  if (written.ok() && !direct()) {
    written = file.file->Sync();
    // The kernel tells a failed writeback once, and has forgotten it when it is asked again.
    if (absl::IsResourceExhausted(written)) {
      written = MakeFault(
          {.kind = FaultKind::kIo, .next = "open the log again, which tells what was kept"},
          AsStd(written.message()));
    }
  }
  return written.ok() ? written : NamedAsNow(file, written);
}

absl::Status SegmentFiles::CheckWhole(const NamedFile& file, std::uint64_t bytes) const {
  absl::StatusOr<FileInfo> info = file.file->Info();
  if (!info.ok()) return NamedAsNow(file, info.status());
  if (info->links > 0 && info->size >= bytes) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kIo,
                    .place = std::string(file.name),
                    .next = "keep other programs out of the log's folder"},
                   info->links == 0 ? "the segment was deleted while it was written"
                                    : "the segment was cut short while it was written");
}

absl::StatusOr<SegmentFile> SegmentFiles::MakeSpare(std::uint64_t number) const {
  SegmentFile spare;
  DR_ASSIGN_OR_RETURN(spare.segment, OpenForWriting({number, kSpareSuffix}, Create::kIfMissing));
  if (absl::Status made = MakeHead(spare); !made.ok()) {
    static_cast<void>(directory_.Remove(spare.segment.name));
    return made;
  }
  return spare;
}

absl::StatusOr<std::uint64_t> SegmentFiles::PrepareChunk(const NamedFile& file,
                                                         std::uint64_t prepared_bytes) const {
  DR_ASSERT(prepared_bytes < segment_bytes_);
  const std::uint64_t chunk =
      std::min<std::uint64_t>(zeros_.size(), segment_bytes_ - prepared_bytes);
  absl::Status written = file.file->WriteAt(prepared_bytes, {zeros_.data(), chunk});
  if (written.ok() && !direct()) written = file.file->Sync();
  if (!written.ok()) return NamedAsNow(file, written);
  return chunk;
}

absl::Status SegmentFiles::Activate(SegmentFile& file, std::uint64_t number,
                                    std::string_view first_block) const {
  const LogFileName name = SegmentName(number);
  if (file.segment.name.view() != name.view()) {
    DR_RETURN_IF_ERROR(WriteAndSync(file.segment, 0, first_block));
    const std::uint64_t footer_end = first_block.size() + kBlockBytes;
    if (file.prepared_bytes < footer_end) {
      DR_RETURN_IF_ERROR(
          WriteAndSync(file.segment, first_block.size(), {zeros_.data(), kBlockBytes}));
      file.prepared_bytes = footer_end;
    }
    DR_RETURN_IF_ERROR(directory_.Rename(file.segment.name, name));
    file.segment.name = name;
  }
  // The segment must be there before HEAD says so, and both before anything in it is acknowledged.
  DR_RETURN_IF_ERROR(directory_.Sync());
  DR_RETURN_IF_ERROR(PlaceHead(file.head, first_block));
  file.head = {};
  return absl::OkStatus();
}

absl::Status SegmentFiles::WriteHead(std::string_view first_block) const {
  NamedFile head{.name = LogFileName(kHeadTemporary)};
  DR_ASSIGN_OR_RETURN(head.file, directory_.Open(head.name, {.access = Access::kWrite,
                                                             .create = Create::kIfMissing}));
  return PlaceHead(head, first_block);
}

// Where there was no room it may be called again: what is synced then has been written anew.
absl::Status SegmentFiles::PlaceHead(NamedFile& head, std::string_view first_block) const {
  if (head.name.view() != kHeadName) {
    DR_RETURN_IF_ERROR(head.file->WriteAt(0, first_block));
    DR_RETURN_IF_ERROR(head.file->Sync());
    DR_RETURN_IF_ERROR(directory_.Rename(head.name, kHeadName));
    head.name = LogFileName(kHeadName);
  }
  return directory_.Sync();
}

absl::Status SegmentFiles::ReleaseBehind(std::uint64_t number, std::uint64_t bytes) const {
  DR_ASSIGN_OR_RETURN(NamedFile file, OpenForWriting(SegmentName(number), Create::kNever));
  return file.file->Truncate(bytes);
}

absl::StatusOr<std::vector<SegmentFile>> SegmentFiles::RetireBelow(std::uint64_t number,
                                                                   SpareNumbers spares) const {
  std::vector<SegmentFile> renamed, recycled;
  DR_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, directory_.List());
  for (const DirectoryEntry& entry : entries) {
    const std::string& name = entry.name;
    if (ParseSegmentName(name).value_or(number) >= number) continue;
    if (entry.type != DirectoryEntry::Type::kFile) continue;
    DR_ASSIGN_OR_RETURN(NamedFile file, OpenForWriting(LogFileName(name), Create::kNever));
    DR_ASSIGN_OR_RETURN(FileInfo info, file.file->Info());
    DR_ASSIGN_OR_RETURN(const bool whole, CanRecycle(*file.file, info.size));
    if (!whole || renamed.size() >= spares.count) {
      DR_RETURN_IF_ERROR(directory_.Remove(name));
      continue;
    }
    file.name = {spares.first + renamed.size(), kSpareSuffix};
    DR_RETURN_IF_ERROR(directory_.Rename(name, file.name));
    renamed.push_back({.segment = std::move(file), .prepared_bytes = segment_bytes_});
  }
  // Before the old names are gone for good, nothing may be written into these files.
  DR_RETURN_IF_ERROR(directory_.Sync());
  for (SegmentFile& spare : renamed) {
    DR_ASSIGN_OR_RETURN(const bool usable, MakeHeadOrRemove(spare));
    if (usable) recycled.push_back(std::move(spare));
  }
  return recycled;
}

}  // namespace dr::inline v0
