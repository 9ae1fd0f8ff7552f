#include <algorithm>
#include <cassert>

#include "dr/digest.h"
#include "dr/log/segment.h"
#include "src/format/decoder.h"
#include "src/format/little_endian.h"
#include "src/format/record.h"
#include "src/format/v1/layout.h"

namespace dr::inline v0 {
namespace {

namespace layout = format_v1::group;
namespace frame = format_v1::frame;
namespace footer = format_v1::footer;

char* StoreFrameHeader(char* to, std::size_t length, std::uint32_t type) {
  StoreLittle(to, static_cast<std::uint32_t>(length) | type << frame::kTypeShift);
  return to + frame::kHeaderBytes;
}

std::uint32_t FrameType(bool begins, bool ends) {
  if (begins) return ends ? frame::kFull : frame::kFirst;
  return ends ? frame::kLast : frame::kMiddle;
}

}  // namespace

std::optional<GroupHeader> DecodeGroupHeader(std::string_view bytes, const SegmentPrefix& prefix) {
  return DecoderFor(prefix.format_version).group_header(bytes, prefix);
}

bool VerifyGroup(std::string_view group, const GroupHeader& header) {
  return DecoderFor(header.format_version).verify_group(group, header);
}

GroupBuilder::GroupBuilder(const SegmentPrefix& prefix, std::uint64_t prefix_hash) {
  NextSegment(prefix, prefix_hash);
}

void GroupBuilder::NextSegment(const SegmentPrefix& prefix, std::uint64_t prefix_hash) {
  number_ = prefix.number;
  salt_ = prefix.salt;
  epoch_ = prefix.epoch;
  block_bytes_ = prefix.block_bytes;
  previous_hash_ = prefix_hash;
  group_total_ = record_total_ = 0;
}

void GroupBuilder::Begin(std::span<char> buffer, Lsn first_lsn, Lsn durable_lsn,
                         std::int64_t base_time_ns) {
  assert(buffer.size() >= 2 * kGroupHeaderBytes && buffer.size() <= kMaxGroupBytes);
  assert(buffer.size() % block_bytes_ == 0);
  buffer_ = buffer;
  used_ = kGroupHeaderBytes;
  count_ = flags_ = 0;
  first_lsn_ = first_lsn;
  durable_lsn_ = durable_lsn;
  base_time_ns_ = base_time_ns;
}

bool GroupBuilder::Add(const RecordView& record) {
  assert(record_done_ != 0 || record.time_ns >= base_time_ns_);
  const std::size_t most =
      frame::kHeaderBytes + format_v1::record::kMaxHeaderBytes + record.payload.size();
  if (record_done_ != 0 || buffer_.size() - used_ < most) return AddPart(record);
  char* const start = buffer_.data() + used_;
  char* end = StoreRecordHeader(start + frame::kHeaderBytes, record, base_time_ns_);
  end = std::copy(record.payload.begin(), record.payload.end(), end);
  StoreFrameHeader(start, static_cast<std::size_t>(end - start) - frame::kHeaderBytes,
                   frame::kFull);
  used_ = static_cast<std::size_t>(end - buffer_.data());
  ++count_;
  return true;
}

// A record that may not fit: its header, too, can be split at any byte.
bool GroupBuilder::AddPart(const RecordView& record) {
  if (buffer_.size() - used_ <= frame::kHeaderBytes) return false;
  if (record_done_ == 0) record_base_time_ns_ = base_time_ns_;
  char header[format_v1::record::kMaxHeaderBytes];
  const auto header_bytes =
      static_cast<std::size_t>(StoreRecordHeader(header, record, record_base_time_ns_) - header);
  const std::size_t total = header_bytes + record.payload.size();
  const std::size_t from = record_done_;
  const std::size_t to = std::min(total, from + buffer_.size() - used_ - frame::kHeaderBytes);

  char* at = buffer_.data() + used_;
  at = StoreFrameHeader(at, to - from, FrameType(from == 0, to == total));
  if (from < header_bytes) {
    at = std::copy(header + from, header + std::min(to, header_bytes), at);
  }
  if (to > header_bytes) {
    const std::size_t skip = std::max(from, header_bytes) - header_bytes;
    at = std::copy_n(record.payload.data() + skip, to - header_bytes - skip, at);
  }
  if (from != 0) flags_ |= kGroupContinues;
  used_ = static_cast<std::size_t>(at - buffer_.data());
  record_done_ = to == total ? 0 : to;
  if (to == total) ++count_;
  return to == total;
}

std::string_view GroupBuilder::Finish() {
  return Seal(flags_, (used_ + block_bytes_ - 1) / block_bytes_ * block_bytes_);
}

std::string_view GroupBuilder::FinishFooter() {
  assert(used_ == kGroupHeaderBytes);
  char* body = buffer_.data() + used_;
  StoreLittle(body + footer::kGroups, group_total_);
  StoreLittle(body + footer::kRecords, record_total_);
  StoreLittle(body + footer::kLastLsn, first_lsn_.value == 0 ? 0 : first_lsn_.value - 1);
  used_ += footer::kBytes;
  return Seal(kGroupFooter, buffer_.size());
}

std::string_view GroupBuilder::Seal(std::uint32_t flags, std::size_t stored_bytes) {
  char* at = buffer_.data();
  std::memset(at + used_, 0, stored_bytes - used_);
  StoreLittle(at + layout::kMagic, layout::kMagicValue);
  StoreLittle(at + layout::kFlags, flags);
  StoreLittle(at + layout::kBodyBytes, static_cast<std::uint32_t>(used_ - kGroupHeaderBytes));
  StoreLittle(at + layout::kStoredBytes, static_cast<std::uint32_t>(stored_bytes));
  StoreLittle(at + layout::kRecordCount, count_);
  StoreLittle(at + layout::kNumber, number_);
  StoreLittle(at + layout::kSalt, salt_);
  StoreLittle(at + layout::kEpoch, epoch_.value);
  StoreLittle(at + layout::kFirstLsn, first_lsn_.value);
  StoreLittle(at + layout::kDurableLsn, durable_lsn_.value);
  StoreLittle(at + layout::kPreviousHash, previous_hash_);
  StoreLittle(at + layout::kBaseTime, base_time_ns_);
  StoreLittle(at + layout::kPlainBytes, static_cast<std::uint32_t>(used_ - kGroupHeaderBytes));
  StoreLittle(at + layout::kReserved, std::uint32_t{0});
  const std::string_view group(at, stored_bytes);
  const auto checked = group.substr(layout::kChecked, kGroupHeaderBytes - layout::kChecked);
  StoreLittle(at + layout::kCheck, static_cast<std::uint32_t>(HashOf(checked)));
  previous_hash_ = HashOf(group.substr(layout::kHashed));
  StoreLittle(at + layout::kHash, previous_hash_);
  ++group_total_;
  record_total_ += count_;
  return group;
}

}  // namespace dr::inline v0
