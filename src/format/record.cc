#include "src/format/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dr/status.h"
#include "src/format/decoder.h"
#include "src/format/little_endian.h"
#include "src/format/v1/layout.h"

namespace dr::inline v0 {
namespace {

namespace layout = format_v1::record;

char* StoreName(char* to, std::string_view name) {
  to = StoreVarint(to, name.size());
  return std::copy(name.begin(), name.end(), to);
}

absl::Status CheckLimit(std::string_view what, std::uint64_t value, std::uint64_t max) {
  if (value <= max) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kLimit, .next = "Use less, or split it."},
                   fmt::format("{} of {} bytes, at most {} are allowed", what, value, max));
}

}  // namespace

absl::Status CheckRecord(const RecordView& record) {
  for (const auto& [what, name] :
       {std::pair{"a component id", record.component},
        std::pair{"a schema name", record.schema_name}, std::pair{"a subject", record.subject}}) {
    if (absl::Status s = CheckLimit(what, name.size(), kMaxNameBytes); !s.ok()) return s;
  }
  return CheckLimit("a payload", record.payload.size(), kMaxPayloadBytes);
}

std::uint8_t RecordFlags(const RecordView& record) {
  auto flags = static_cast<std::uint8_t>(record.kind);
  if (record.batch_continues) flags |= layout::kBatchContinues;
  if (!record.subject.empty()) flags |= layout::kHasSubject;
  if (HasSchemaName(record)) flags |= layout::kHasSchemaName;
  return flags;
}

char* StoreRecordHeader(char* to, const RecordView& record, std::int64_t base_time_ns) {
  const std::uint8_t flags = RecordFlags(record);
  *to++ = static_cast<char>(flags);
  to = StoreName(to, record.component);
  to = StoreVarint(to, record.schema_version);
  if ((flags & layout::kHasSchemaName) != 0) to = StoreName(to, record.schema_name);
  to = StoreVarint(
      to, static_cast<std::uint64_t>(record.time_ns) - static_cast<std::uint64_t>(base_time_ns));
  if (!record.subject.empty()) to = StoreName(to, record.subject);
  return to;
}

const char* RecordReader::Enter(std::string_view group, const GroupHeader& header) {
  decoder_ = &DecoderFor(header.format_version);
  frames_ = decoder_->frames(group, header);
  missing_records_ = header.record_count;
  continues_ = (header.flags & kGroupContinues) != 0;
  at_start_ = true;
  next_lsn_ = header.first_lsn;
  base_time_ns_ = header.base_time_ns;
  return continues_ && frames_.empty() ? "a group that should continue a record is empty" : nullptr;
}

// What a frame adds to a record that is not whole; its bytes become the record's once it is.
const char* RecordReader::Join(Frame& frame) {
  if (!frame.ends && !frames_.empty()) return "a record is split in the middle of a group";
  if (skip_ && !frame.begins) return nullptr;
  if (frame.begins != partial_.empty()) return "a record is not continued where it should be";
  if (frame.begins) partial_base_time_ns_ = base_time_ns_;
  if (frame.bytes.size() > decoder_->max_record_bytes - partial_.size()) {
    return "a record goes on for too long";
  }
  partial_.append(frame.bytes);
  if (!frame.ends) return nullptr;
  joined_.swap(partial_);
  partial_.clear();
  frame.bytes = joined_;
  return nullptr;
}

const char* RecordReader::Read(std::optional<RecordView>* record) {
  while (!frames_.empty()) {
    Frame frame;
    if (const char* wrong = decoder_->frame(&frames_, &frame)) return wrong;
    const bool continues = at_start_ && continues_;
    at_start_ = false;
    if (frame.begins == continues) return "a record continues in the wrong place";
    if (!frame.begins || !frame.ends) {
      if (const char* wrong = Join(frame)) return wrong;
      if (!frame.ends) break;
    } else if (!partial_.empty()) {
      return "a record is not continued where it should be";
    }
    if (missing_records_-- == 0) return "a group has more records than its header says";
    const Lsn lsn = {next_lsn_.value++};
    if (continues && std::exchange(skip_, false)) continue;
    // Not emplace(): compilers zero the whole view first, which costs as much as the parsing.
    RecordView& view = record->emplace(RecordView{.lsn = lsn});
    return decoder_->record(frame.bytes, continues ? partial_base_time_ns_ : base_time_ns_, &view);
  }
  record->reset();
  return missing_records_ != 0 ? "a group has fewer records than its header says" : nullptr;
}

absl::Status RecordReader::Begin(std::string_view group, const GroupHeader& header) {
  if (const char* wrong = Enter(group, header)) {
    return MakeFault({.kind = FaultKind::kWalCorrupt, .lsn = next_lsn_}, wrong);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<RecordView>> RecordReader::Next() {
  absl::StatusOr<std::optional<RecordView>> record = std::optional<RecordView>();
  if (const char* wrong = Read(&*record)) {
    return MakeFault({.kind = FaultKind::kWalCorrupt, .lsn = next_lsn_}, wrong);
  }
  return record;
}

}  // namespace dr::inline v0
