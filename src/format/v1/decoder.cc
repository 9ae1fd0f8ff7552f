#include "src/format/v1/decoder.h"

#include <algorithm>
#include <limits>

#include "dr/digest.h"
#include "src/format/little_endian.h"
#include "src/format/v1/layout.h"

namespace dr::inline v0::format_v1 {
namespace {

bool AllZero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

const char* DecodePrefixFields(std::string_view bytes, SegmentPrefix* out) {
  const char* at = bytes.data();
  const auto u64 = [at](std::size_t offset) { return LoadLittle<std::uint64_t>(at + offset); };
  out->kind = static_cast<SegmentKind>(at[prefix::kKind]);
  out->format_version = LoadLittle<std::uint16_t>(at + prefix::kFormatVersion);
  out->min_reader_version = LoadLittle<std::uint16_t>(at + prefix::kMinReaderVersion);
  out->codec = static_cast<std::uint8_t>(at[prefix::kCodec]);
  out->suite = static_cast<std::uint8_t>(at[prefix::kSuite]);
  out->block_bytes = LoadLittle<std::uint32_t>(at + prefix::kBlockBytes);
  out->log = {.high = u64(prefix::kLogHigh), .low = u64(prefix::kLogLow)};
  out->number = u64(prefix::kNumber);
  out->salt = u64(prefix::kSalt);
  out->epoch = {u64(prefix::kEpoch)};
  out->first_lsn = {u64(prefix::kFirstLsn)};
  out->durable_lsn = {u64(prefix::kDurableLsn)};
  out->previous = {.number = u64(prefix::kPreviousNumber),
                   .salt = u64(prefix::kPreviousSalt),
                   .offset = u64(prefix::kPreviousOffset),
                   .hash = u64(prefix::kPreviousHash),
                   .last_lsn = {u64(prefix::kPreviousLastLsn)},
                   .epoch = {u64(prefix::kPreviousEpoch)},
                   .entry = LoadBytes<32>(at + prefix::kPreviousEntry)};
  out->created = absl::FromUnixNanos(LoadLittle<std::int64_t>(at + prefix::kCreated));
  out->ring_version = LoadLittle<std::uint32_t>(at + prefix::kRingVersion);
  out->history_lsn = {u64(prefix::kHistoryLsn)};
  out->history = {.high = u64(prefix::kHistoryHigh), .low = u64(prefix::kHistoryLow)};
  out->seal_salt = LoadBytes<16>(at + prefix::kSealSalt);
  out->commitment = LoadBytes<32>(at + prefix::kCommitment);

  if (out->kind < SegmentKind::kLog || out->kind > SegmentKind::kCatalog) {
    return "the prefix names an unknown kind of segment";
  }
  // A later version that lets this one read its segments may have given them a meaning.
  const bool is_v1 = out->format_version == 1;
  if (is_v1 &&
      (!AllZero(bytes.substr(prefix::kReserved1, prefix::kRingVersion - prefix::kReserved1)) ||
       !AllZero(bytes.substr(prefix::kReserved2, kPrefixBytes - prefix::kReserved2)))) {
    return "reserved bytes of the prefix are not zero";
  }
  constexpr std::size_t kSealBytes = sizeof(out->seal_salt) + sizeof(out->commitment);
  const bool has_seal =
      out->ring_version != 0 || !AllZero(bytes.substr(prefix::kSealSalt, kSealBytes));
  if (out->suite == 0 && has_seal) return "a prefix that is not sealed has a seal";
  if (!AllZero(bytes.substr(kPrefixBytes))) return "the padding of the prefix is not zero";
  return nullptr;
}

bool LengthsHold(const GroupHeader& header, std::uint32_t block_bytes) {
  const std::uint64_t needed = kGroupHeaderBytes + std::uint64_t{header.body_bytes};
  const std::uint64_t padded = (needed + block_bytes - 1) / block_bytes * block_bytes;
  if (header.stored_bytes > kMaxGroupBytes || header.stored_bytes % block_bytes != 0) return false;
  if ((header.flags & kGroupFooter) != 0) {
    return header.flags == kGroupFooter && header.body_bytes == footer::kBytes &&
           header.record_count == 0 && header.stored_bytes >= padded;
  }
  return header.stored_bytes == padded &&
         header.record_count <= header.body_bytes / (frame::kHeaderBytes + 1) &&
         header.first_lsn.value <= std::numeric_limits<std::uint64_t>::max() - header.record_count;
}

std::optional<GroupHeader> DecodeHeader(std::string_view bytes, const SegmentPrefix& segment) {
  if (bytes.size() < kGroupHeaderBytes) return std::nullopt;
  const char* at = bytes.data();
  const auto u32 = [at](std::size_t offset) { return LoadLittle<std::uint32_t>(at + offset); };
  const auto u64 = [at](std::size_t offset) { return LoadLittle<std::uint64_t>(at + offset); };
  if (u32(group::kMagic) != group::kMagicValue) return std::nullopt;
  const auto checked = bytes.substr(group::kChecked, kGroupHeaderBytes - group::kChecked);
  if (u32(group::kCheck) != static_cast<std::uint32_t>(HashOf(checked))) return std::nullopt;
  GroupHeader header{.format_version = segment.format_version,
                     .hash = u64(group::kHash),
                     .flags = u32(group::kFlags),
                     .body_bytes = u32(group::kBodyBytes),
                     .plain_bytes = u32(group::kPlainBytes),
                     .stored_bytes = u32(group::kStoredBytes),
                     .record_count = u32(group::kRecordCount),
                     .number = u64(group::kNumber),
                     .salt = u64(group::kSalt),
                     .epoch = {u64(group::kEpoch)},
                     .first_lsn = {u64(group::kFirstLsn)},
                     .durable_lsn = {u64(group::kDurableLsn)},
                     .previous_hash = u64(group::kPreviousHash),
                     .base_time_ns = LoadLittle<std::int64_t>(at + group::kBaseTime)};
  const bool of_this_segment = header.number == segment.number && header.salt == segment.salt &&
                               header.epoch == segment.epoch;
  if (!of_this_segment || u32(group::kReserved) != 0) return std::nullopt;
  if ((header.flags & ~std::uint32_t{kGroupFooter | kGroupContinues}) != 0) return std::nullopt;
  if (!LengthsHold(header, segment.block_bytes)) return std::nullopt;
  if (segment.codec == 0 && header.plain_bytes != header.body_bytes) return std::nullopt;
  return header;
}

bool Verify(std::string_view bytes, const GroupHeader& header) {
  return bytes.size() == header.stored_bytes &&
         HashOf(bytes.substr(group::kHashed)) == header.hash &&
         AllZero(bytes.substr(kGroupHeaderBytes + header.body_bytes));
}

std::string_view Frames(std::string_view bytes, const GroupHeader& header) {
  if ((header.flags & kGroupFooter) != 0) return {};
  return bytes.substr(kGroupHeaderBytes, header.body_bytes);
}

FooterCounts DecodeFooter(std::string_view bytes) {
  const char* at = bytes.data() + kGroupHeaderBytes;
  return {.groups = LoadLittle<std::uint64_t>(at + footer::kGroups),
          .records = LoadLittle<std::uint64_t>(at + footer::kRecords),
          .last_lsn = {LoadLittle<std::uint64_t>(at + footer::kLastLsn)}};
}

const char* TakeFrame(std::string_view* frames, Frame* out) {
  if (frames->size() < frame::kHeaderBytes) return "a frame is cut off";
  const auto word = LoadLittle<std::uint32_t>(frames->data());
  const std::uint32_t length = word & frame::kLengthMask;
  const std::uint32_t type = word >> frame::kTypeShift;
  if (length == 0) return "a frame is empty";
  if (length > frames->size() - frame::kHeaderBytes) return "a frame is longer than its group";
  out->begins = type == frame::kFull || type == frame::kFirst;
  out->ends = type == frame::kFull || type == frame::kLast;
  out->bytes = frames->substr(frame::kHeaderBytes, length);
  frames->remove_prefix(frame::kHeaderBytes + length);
  return nullptr;
}

// Returns the first byte behind the name, or null. Inlined, so that the names stay in registers: a
// third of the speed of replay.
[[gnu::always_inline]] inline const char* TakeName(const char* at, const char* end,
                                                   std::string_view* name) {
  std::uint64_t length = 0;
  at = TakeVarint(at, end, &length);
  if (at == nullptr || length > kMaxNameBytes) return nullptr;
  if (length > static_cast<std::uint64_t>(end - at)) return nullptr;
  *name = {at, static_cast<std::size_t>(length)};
  return at + length;
}

const char* ParseRecord(std::string_view bytes, std::int64_t base_time_ns, RecordView* out) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  const auto first = static_cast<std::uint8_t>(*at++);  // frames are never empty
  const std::uint8_t kind = first & record::kKindMask;
  if ((first & record::kReservedBit) != 0 ||
      kind > static_cast<std::uint8_t>(OperationKind::kMarker)) {
    return "a record is of an unknown kind";
  }
  out->kind = static_cast<OperationKind>(kind);
  out->batch_continues = (first & record::kBatchContinues) != 0;

  std::string_view component, schema_name, subject;
  at = TakeName(at, end, &component);
  if (at == nullptr) return "the component of a record is not readable";
  std::uint64_t version = 0;
  at = TakeVarint(at, end, &version);
  if (at == nullptr || version > std::numeric_limits<std::uint32_t>::max()) {
    return "the schema version of a record is not readable";
  }
  schema_name = component;
  if ((first & record::kHasSchemaName) != 0) {
    at = TakeName(at, end, &schema_name);
    if (at == nullptr || schema_name.empty() || schema_name == component) {
      return "the schema name of a record is not as the format demands";
    }
  }
  const std::uint64_t room = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) -
                             static_cast<std::uint64_t>(base_time_ns);
  std::uint64_t since_base = 0;
  at = TakeVarint(at, end, &since_base);
  if (at == nullptr || since_base > room) return "the time of a record is not readable";
  if ((first & record::kHasSubject) != 0) {
    at = TakeName(at, end, &subject);
    if (at == nullptr || subject.empty()) return "the subject of a record is not readable";
  }
  const std::string_view payload(at, static_cast<std::size_t>(end - at));
  if (payload.size() > kMaxPayloadBytes) return "the payload of a record is too long";
  out->component = component;
  out->schema_name = schema_name;
  out->schema_version = static_cast<std::uint32_t>(version);
  out->subject = subject;
  out->time_ns = static_cast<std::int64_t>(static_cast<std::uint64_t>(base_time_ns) + since_base);
  out->payload = payload;
  return nullptr;
}

}  // namespace

const Decoder kDecoder = {.version = 1,
                          .prefix = DecodePrefixFields,
                          .group_header = DecodeHeader,
                          .verify_group = Verify,
                          .frames = Frames,
                          .footer = DecodeFooter,
                          .frame = TakeFrame,
                          .record = ParseRecord,
                          .max_record_bytes = record::kMaxBytes};

}  // namespace dr::inline v0::format_v1
