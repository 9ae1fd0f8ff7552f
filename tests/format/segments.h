// What the tests of the format share: building segments group by group, reading them back as text,
// and damaging them in ways that the hashes do not show.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/digest.h"
#include "dr/log/segment.h"
#include "src/format/little_endian.h"
#include "src/format/v1/layout.h"

namespace dr::test {

/// Long payloads as length and digest, so that the text stays readable.
inline std::string Describe(const RecordView& record) {
  std::string payload;
  for (char c : record.payload.substr(0, 32)) {
    payload += fmt::format("{:02x}", static_cast<unsigned char>(c));
  }
  if (record.payload.size() > 32) {
    payload = fmt::format("{} bytes {}", record.payload.size(), ToHex(DigestOf(record.payload)));
  }
  return fmt::format("record {} kind={} batch={} component={} schema={}@{} time={} subject={} [{}]",
                     record.lsn.value, static_cast<int>(record.kind),
                     record.batch_continues ? "continues" : "ends", record.component,
                     record.schema_name, record.schema_version, record.time_ns, record.subject,
                     payload);
}

inline std::string Describe(const SegmentPrefix& p) {
  return fmt::format(
      "prefix kind={} version={} min_reader={} codec={} suite={} block={} log={:016x}{:016x} "
      "number={} salt={:016x} epoch={} first_lsn={} durable_lsn={} "
      "history={}:{} previous={}:{:016x}:{}:{:016x}:{}:{}:{} "
      "created={}",
      static_cast<int>(p.kind), p.format_version, p.min_reader_version, p.codec, p.suite,
      p.block_bytes, p.log.high, p.log.low, p.number, p.salt, p.epoch.value, p.first_lsn.value,
      p.durable_lsn.value, p.history_lsn.value, ToHex(p.history), p.previous.number,
      p.previous.salt, p.previous.offset, p.previous.hash, p.previous.last_lsn.value,
      p.previous.epoch.value, ToHex(p.previous.entry), absl::ToUnixNanos(p.created));
}

/// Writes segments as a log does: groups of a fixed room, records that go on where there is none.
class GroupWriter {
 public:
  GroupWriter(const SegmentPrefix& prefix, std::size_t room)
      : prefix_(prefix),
        next_(prefix.first_lsn),
        room_(room),
        bytes_(EncodePrefix(prefix)),
        builder_(prefix, PrefixHash(bytes_)) {}

  void Add(const RecordView& record) {
    if (!open_) Begin(record.time_ns);
    while (!builder_.Add(record)) {
      EndGroup();
      Begin(record.time_ns);
    }
  }
  /// How much of `record` fits; it goes on in what is added next.
  bool AddPart(const RecordView& record) {
    if (!open_) Begin(record.time_ns);
    return builder_.Add(record);
  }
  void EndGroup() {
    if (!open_) return;
    next_.value += builder_.record_count();
    group_offsets.push_back(bytes_.size());
    bytes_ += builder_.Finish();
    open_ = false;
  }
  void EmptyGroup(Lsn durable) {
    EndGroup();
    durable_ = durable;
    Begin(0);
    EndGroup();
  }
  /// Footer, next segment; returns the bytes of the one that ends.
  std::string NextSegment(std::uint64_t salt) {
    std::string done = Finish();
    prefix_.previous = {
        prefix_.number, prefix_.salt, done.size(), builder_.hash(), {next_.value - 1}};
    ++prefix_.number;
    prefix_.salt = salt;
    prefix_.first_lsn = next_;
    bytes_ = EncodePrefix(prefix_);
    group_offsets.clear();
    builder_.NextSegment(prefix_, PrefixHash(bytes_));
    return done;
  }
  std::string Finish() {
    EndGroup();
    buffer_.assign(std::max<std::size_t>(prefix_.block_bytes, 2 * kGroupHeaderBytes), 'x');
    builder_.Begin(buffer_, next_, durable_, 0);
    group_offsets.push_back(bytes_.size());
    bytes_ += builder_.FinishFooter();
    return bytes_;
  }
  GroupBuilder& builder() { return builder_; }
  void set_room(std::size_t room) { room_ = room; }
  const std::string& bytes() const { return bytes_; }

  std::vector<std::size_t> group_offsets;  ///< of the segment being written, footer included

 private:
  void Begin(std::int64_t base_time_ns) {
    buffer_.assign(room_, 'x');
    builder_.Begin(buffer_, next_, durable_, base_time_ns);
    open_ = true;
  }

  SegmentPrefix prefix_;
  Lsn next_, durable_ = {};
  std::size_t room_;
  std::string bytes_, buffer_;
  GroupBuilder builder_;
  bool open_ = false;
};

/// Every record of a whole segment, or the first error.
inline absl::Status ReadAll(std::string_view bytes, std::vector<std::string>* records = nullptr) {
  absl::StatusOr<SegmentReader> reader = SegmentReader::Open(bytes, "the-segment");
  if (!reader.ok()) return reader.status();
  for (;;) {
    absl::StatusOr<std::optional<RecordView>> record = reader->Next();
    if (!record.ok()) return record.status();
    if (!*record) return absl::OkStatus();
    if (records != nullptr) records->push_back(Describe(**record));
  }
}

/// Reads segments as a log does: group by group, records joined over all of them.
inline absl::StatusOr<std::vector<std::string>> ReadLog(const std::vector<std::string>& segments) {
  std::vector<std::string> lines;
  RecordReader records;
  for (const std::string& segment : segments) {
    absl::StatusOr<SegmentPrefix> prefix = DecodePrefix(segment, "the-log");
    if (!prefix.ok()) return prefix.status();
    lines.push_back(Describe(*prefix));
    std::string_view rest = segment;
    rest.remove_prefix(std::max<std::size_t>(kPrefixBytes, prefix->block_bytes));
    std::uint64_t previous_hash = PrefixHash(segment);
    while (!rest.empty()) {
      const std::optional<GroupHeader> header = DecodeGroupHeader(rest, *prefix);
      if (!header) return absl::DataLossError("header");
      const std::string_view group = rest.substr(0, header->stored_bytes);
      if (!VerifyGroup(group, *header)) return absl::DataLossError("group");
      if (header->previous_hash != previous_hash) return absl::DataLossError("chain");
      lines.push_back(fmt::format("group flags={} first_lsn={} durable_lsn={} records={} bytes={}",
                                  header->flags, header->first_lsn.value, header->durable_lsn.value,
                                  header->record_count, header->stored_bytes));
      if (absl::Status s = records.Begin(group, *header); !s.ok()) return s;
      for (;;) {
        absl::StatusOr<std::optional<RecordView>> record = records.Next();
        if (!record.ok()) return record.status();
        if (!*record) break;
        lines.push_back(Describe(**record));
      }
      previous_hash = header->hash;
      rest.remove_prefix(header->stored_bytes);
    }
  }
  return lines;
}

/// Makes the check and the hash of the group at `offset` hold again.
inline void ResealGroup(std::string& segment, std::size_t offset, std::size_t stored_bytes) {
  namespace at = format_v1::group;
  char* group = segment.data() + offset;
  StoreLittle(
      group + at::kCheck,
      static_cast<std::uint32_t>(HashOf({group + at::kChecked, kGroupHeaderBytes - at::kChecked})));
  StoreLittle(group + at::kHash, HashOf({group + at::kHashed, stored_bytes - at::kHashed}));
}

/// Makes the hash of the prefix hold again.
inline void ResealPrefix(std::string& prefix) {
  namespace at = format_v1::prefix;
  StoreLittle(prefix.data() + at::kHash, HashOf(std::string_view(prefix).substr(at::kHashed)));
}

/// Makes the hashes of prefix and groups, and the chain between them, hold again. `block_bytes` and
/// the stored_bytes of every group must be right.
inline void Rechain(std::string& segment) {
  namespace at = format_v1::group;
  const auto block = LoadLittle<std::uint32_t>(segment.data() + format_v1::prefix::kBlockBytes);
  std::size_t offset = std::max<std::size_t>(kPrefixBytes, block);
  std::string prefix = segment.substr(0, offset);
  ResealPrefix(prefix);
  segment.replace(0, offset, prefix);
  std::uint64_t hash = PrefixHash(segment);
  while (offset < segment.size()) {
    const auto stored = LoadLittle<std::uint32_t>(segment.data() + offset + at::kStoredBytes);
    StoreLittle(segment.data() + offset + at::kPreviousHash, hash);
    ResealGroup(segment, offset, stored);
    hash = LoadLittle<std::uint64_t>(segment.data() + offset + at::kHash);
    offset += stored;
  }
}

/// One segment with one group, whose body is `frames`, and a footer; all hashes hold.
inline std::string SegmentWithBody(std::string_view frames, std::uint32_t record_count,
                                   std::uint32_t flags = 0) {
  namespace at = format_v1::group;
  const SegmentPrefix prefix{.kind = SegmentKind::kState, .first_lsn = {1}};
  const std::size_t stored = kGroupHeaderBytes + frames.size();
  std::string segment = EncodePrefix(prefix);
  const std::size_t offset = segment.size();
  std::string buffer(2 * kGroupHeaderBytes, '\0');
  GroupBuilder builder(prefix, PrefixHash(segment));
  builder.Begin(buffer, {1}, {}, 0);
  segment += builder.Finish();
  segment += frames;
  char* group = segment.data() + offset;
  StoreLittle(group + at::kBodyBytes, static_cast<std::uint32_t>(frames.size()));
  StoreLittle(group + at::kPlainBytes, static_cast<std::uint32_t>(frames.size()));
  StoreLittle(group + at::kStoredBytes, static_cast<std::uint32_t>(stored));
  StoreLittle(group + at::kRecordCount, record_count);
  StoreLittle(group + at::kFlags, flags);
  builder.Begin(buffer, {1 + std::uint64_t{record_count}}, {}, 0);
  builder.FinishFooter();
  StoreLittle(buffer.data() + kGroupHeaderBytes + format_v1::footer::kRecords,
              std::uint64_t{record_count});
  segment += buffer;
  Rechain(segment);
  return segment;
}

/// A frame of `type` around `bytes`.
inline std::string FrameOf(std::string_view bytes, std::uint32_t type = format_v1::frame::kFull) {
  std::string frame(format_v1::frame::kHeaderBytes, '\0');
  StoreLittle(frame.data(),
              static_cast<std::uint32_t>(bytes.size()) | type << format_v1::frame::kTypeShift);
  return frame.append(bytes);
}

}  // namespace dr::test
