#include "src/log/group_reader.h"

#include <algorithm>
#include <cstring>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

constexpr std::uint64_t kReadAhead = 1 << 20;

bool AllZero(std::string_view bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace

absl::Status CorruptLog(std::string_view segment, std::uint64_t offset, Lsn lsn,
                        std::string_view what) {
  return MakeFault({.kind = FaultKind::kWalCorrupt,
                    .place = std::string(segment),
                    .offset = offset,
                    .lsn = lsn,
                    .next = "restore this file from a copy, or give up what lies behind with "
                            "`drctl wal salvage`"},
                   what);
}

absl::StatusOr<LogSegment> OpenLogSegment(Directory& directory, std::string_view name,
                                          std::unique_ptr<File>& file) {
  DR_ASSIGN_OR_RETURN(file, directory.Open(name, {}));
  DR_ASSIGN_OR_RETURN(FileInfo info, file->Info());
  std::vector<char> start(kBlockBytes + kGroupHeaderBytes);
  DR_ASSIGN_OR_RETURN(std::size_t read, file->ReadAt(0, start));
  const std::string_view bytes(start.data(), read);
  const std::string_view block = bytes.substr(0, kBlockBytes);
  LogSegment segment{.name = LogFileName(name), .prefix = {}, .file_bytes = info.size};
  DR_ASSIGN_OR_RETURN(segment.prefix, DecodePrefix(block, name));
  segment.prefix_hash = PrefixHash(block);
  // By what its history counts, too: the group with the rest of the record may not be there yet.
  segment.continues = segment.prefix.history_lsn == segment.prefix.first_lsn;
  if (auto first = DecodeGroupHeader(bytes.substr(block.size()), segment.prefix)) {
    segment.continues |= (first->flags & kGroupContinues) != 0;
  }
  return segment;
}

GroupReader::GroupReader(File& file, const LogSegment& segment)
    : file_(file),
      segment_(segment),
      offset_(std::max<std::uint64_t>(kPrefixBytes, segment.prefix.block_bytes)),
      hash_(segment.prefix_hash),
      next_lsn_(segment.prefix.first_lsn) {}

// At least `bytes` from `offset` if the file has them before `limit`; reads ahead for the next
// call.
absl::StatusOr<std::string_view> GroupReader::Window(std::uint64_t offset, std::uint64_t bytes,
                                                     std::uint64_t limit) {
  bytes = std::min(bytes, limit > offset ? limit - offset : 0);
  if (offset < window_start_ || offset + bytes > window_start_ + window_size_) {
    const std::uint64_t wanted = std::min(std::max(bytes, kReadAhead), limit - offset);
    if (window_.size() < wanted) window_.resize(wanted);
    DR_ASSIGN_OR_RETURN(window_size_, file_.ReadAt(offset, std::span(window_.data(), wanted)));
    window_start_ = offset;
  }
  const std::uint64_t skip = offset - window_start_;
  return std::string_view(window_.data() + skip, std::min(bytes, window_size_ - skip));
}

absl::StatusOr<std::optional<Group>> GroupReader::Next(std::uint64_t limit) {
  reason_ = "the segment ends here";
  if (footer_seen_ || offset_ + kGroupHeaderBytes > limit) return std::nullopt;
  DR_ASSIGN_OR_RETURN(std::string_view head, Window(offset_, kGroupHeaderBytes, limit));
  std::optional<GroupHeader> header = DecodeGroupHeader(head, segment_.prefix);
  if (!header) {
    reason_ = AllZero(head) ? "there is no group here" : "the group's header is damaged";
    return std::nullopt;
  }
  DR_ASSIGN_OR_RETURN(std::string_view bytes, Window(offset_, header->stored_bytes, limit));
  if (bytes.size() < header->stored_bytes) {
    reason_ = "the group is cut off";
  } else if (!VerifyGroup(bytes, *header)) {
    reason_ = "the group's hash does not match its bytes";
  } else if (header->previous_hash != hash_ || header->first_lsn != next_lsn_) {
    reason_ = "the group does not follow the one before it";
  } else {
    const Group group{*header, bytes, offset_};
    offset_ += header->stored_bytes;
    hash_ = header->hash;
    next_lsn_ = {next_lsn_.value + header->record_count};
    footer_seen_ = (header->flags & kGroupFooter) != 0;
    return group;
  }
  return std::nullopt;
}

absl::StatusOr<GroupReader::Evidence> GroupReader::ScanBehind() {
  Evidence evidence{.written_end = offset_};
  for (std::uint64_t at = offset_; at < segment_.file_bytes; at += kBlockBytes) {
    DR_ASSIGN_OR_RETURN(std::string_view block, Window(at, kBlockBytes, segment_.file_bytes));
    if (block.empty()) break;
    if (!AllZero(block)) evidence.written_end = at + block.size();
    if (std::optional<GroupHeader> header = DecodeGroupHeader(block, segment_.prefix)) {
      evidence.durable_lsn = std::max(evidence.durable_lsn, header->durable_lsn);
      ++evidence.headers;
    }
  }
  return evidence;
}

}  // namespace dr::inline v0
