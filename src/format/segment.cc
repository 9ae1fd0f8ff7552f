#include "dr/log/segment.h"

#include <algorithm>
#include <utility>

#include "src/format/decoder.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kWholeGroupBytes = 64 << 10;  // of segments built in memory
constexpr std::size_t kFooterBytes = 2 * kGroupHeaderBytes;

}  // namespace

SegmentWriter::SegmentWriter(const SegmentPrefix& prefix)
    : bytes_(EncodePrefix(prefix)),
      next_lsn_(prefix.first_lsn),
      durable_lsn_(prefix.durable_lsn),
      builder_(prefix, PrefixHash(bytes_)) {}

std::size_t SegmentWriter::size() const {
  return open_ ? group_start_ + builder_.size() : bytes_.size();
}

void SegmentWriter::BeginGroup(std::size_t bytes, std::int64_t base_time_ns) {
  group_start_ = bytes_.size();
  bytes_.resize(group_start_ + bytes);
  builder_.Begin({bytes_.data() + group_start_, bytes}, next_lsn_, durable_lsn_, base_time_ns);
  base_time_ns_ = base_time_ns;
  open_ = true;
}

void SegmentWriter::EndGroup() {
  next_lsn_.value += builder_.record_count();
  bytes_.resize(group_start_ + builder_.Finish().size());
  open_ = false;
}

absl::Status SegmentWriter::Add(const RecordView& record) {
  if (absl::Status s = CheckRecord(record); !s.ok()) return s;
  if (open_ && record.time_ns < base_time_ns_) EndGroup();
  if (!open_) BeginGroup(kWholeGroupBytes, record.time_ns);
  while (!builder_.Add(record)) {
    EndGroup();
    BeginGroup(kWholeGroupBytes, record.time_ns);
  }
  return absl::OkStatus();
}

std::string SegmentWriter::Finish() && {
  if (open_) EndGroup();
  BeginGroup(kFooterBytes, 0);
  builder_.FinishFooter();
  return std::move(bytes_);
}

absl::StatusOr<SegmentReader> SegmentReader::Open(std::string_view bytes, std::string_view place) {
  absl::StatusOr<SegmentPrefix> prefix = DecodePrefix(bytes, place);
  if (!prefix.ok()) return prefix.status();
  SegmentReader reader;
  reader.bytes_ = bytes;
  reader.place_ = place;
  reader.prefix_ = *prefix;
  reader.offset_ = std::max<std::size_t>(kPrefixBytes, prefix->block_bytes);
  reader.group_start_ = reader.offset_;
  reader.previous_hash_ = PrefixHash(bytes);
  return reader;
}

absl::Status SegmentReader::Damage(std::string_view what) const {
  return DamagedSegment(prefix_.kind, place_, group_start_,
                        Lsn{prefix_.first_lsn.value + record_total_}, what);
}

absl::Status SegmentReader::NextGroup() {
  group_start_ = offset_;
  const std::string_view rest = bytes_.substr(offset_);
  if (rest.empty()) return Damage("the segment ends without a footer");
  const std::optional<GroupHeader> header = DecodeGroupHeader(rest, prefix_);
  if (!header) return Damage("no valid group header where one must be");
  if (rest.size() < header->stored_bytes) return Damage("the segment ends inside a group");
  const std::string_view group = rest.substr(0, header->stored_bytes);
  if (!VerifyGroup(group, *header)) return Damage("the hash or padding of a group does not hold");
  if (header->previous_hash != previous_hash_) return Damage("a group is missing or out of order");
  if (header->first_lsn.value != prefix_.first_lsn.value + record_total_) {
    return Damage("a group does not begin at the next Lsn");
  }
  if (const char* wrong = records_.Enter(group, *header)) return Damage(wrong);
  offset_ += header->stored_bytes;
  previous_hash_ = header->hash;
  if ((header->flags & kGroupFooter) == 0) {
    ++group_total_;
    return absl::OkStatus();
  }
  const FooterCounts counts = DecoderFor(header->format_version).footer(group);
  const std::uint64_t next = header->first_lsn.value;
  if (counts.groups != group_total_ || counts.records != record_total_ ||
      counts.last_lsn.value != (next == 0 ? 0 : next - 1)) {
    return Damage("the counts in the footer do not hold");
  }
  if (records_.in_record()) return Damage("a record goes on in another segment");
  if (offset_ != bytes_.size()) return Damage("something follows the footer");
  footer_seen_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<RecordView>> SegmentReader::Next() {
  absl::StatusOr<std::optional<RecordView>> record = std::optional<RecordView>();
  for (;;) {
    if (group_total_ != 0) {
      if (const char* wrong = records_.Read(&*record)) return Damage(wrong);
    }
    if (*record) ++record_total_;
    if (*record || footer_seen_) return record;
    if (absl::Status s = NextGroup(); !s.ok()) return s;
  }
}

}  // namespace dr::inline v0
