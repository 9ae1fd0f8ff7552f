// The one binary format: log files, chunks of state, manifests; src/format/FORMAT.md has each byte.
//
//   segment = prefix group* footer?     group = header frame* padding     record = frame+
//
// A group is what one write puts on the disk: valid as a whole or not at all. Groups start at
// multiples of `block_bytes`, so that no block with synced data is ever written again.
//
//   dr::SegmentWriter writer(prefix);          // whole segments in memory: state, manifests
//   writer.Add({.component = "inventory", .payload = "…"});
//   std::string bytes = std::move(writer).Finish();
//   auto reader = dr::SegmentReader::Open(bytes, "its name");      // strict: damage is an error
//   for (;;) { auto record = reader->Next(); if (!record.ok() || !*record) break; use(**record); }
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/export.h"
#include "dr/log/segment_prefix.h"
#include "dr/types.h"

namespace dr::inline v0 {

struct Decoder;  // of one format version
struct Frame;
class LogReader;

inline constexpr std::size_t kGroupHeaderBytes = 96;    ///< before the frames of each group
inline constexpr std::size_t kMaxGroupBytes = 4 << 20;  ///< header and padding included

/// One record, as written and as read. Views belong to whoever made it.
struct RecordView {
  Lsn lsn = {};  ///< assigned by position: the group's first_lsn, then + 1
  OperationKind kind = OperationKind::kOperation;  ///< as committed
  bool batch_continues = false;                    ///< the next record belongs to the same batch
  std::string_view component = {};                 ///< whose operation it is
  std::string_view schema_name = {};  ///< empty: as `component`; else stored where it differs
  std::uint32_t schema_version = 0;   ///< of the payload
  std::string_view subject = {};      ///< whose data it is; may be empty
  std::int64_t time_ns = 0;           ///< since the Unix epoch; never below the group's base time
  std::string_view payload = {};      ///< the component's own bytes
  Epoch epoch = {};                   ///< in which it was written; the segment's, so not stored
};
/// What every record must be: names up to kMaxNameBytes and payload up to kMaxPayloadBytes, else
/// kInvalidArgument naming limit and value.
DR_EXPORT absl::Status CheckRecord(const RecordView& record);

/// Bits of GroupHeader::flags.
enum GroupFlags : std::uint32_t {
  kGroupFooter = 1,     ///< the segment is complete; nothing follows
  kGroupContinues = 2,  ///< its first frame continues a record of the group before
};

/// The fixed start of every group. It has a check of its own, so it is evidence even where the
/// body behind it was torn.
struct GroupHeader {
  std::uint16_t format_version = kSegmentFormatVersion;  ///< the segment's
  std::uint64_t hash = 0;           ///< XXH3-64 of everything behind this field, padding included
  std::uint32_t flags = 0;          ///< of GroupFlags
  std::uint32_t body_bytes = 0;     ///< as stored, without padding
  std::uint32_t plain_bytes = 0;    ///< frames, before a codec made them `body_bytes`
  std::uint64_t stored_bytes = 0;   ///< header, frames and padding
  std::uint32_t record_count = 0;   ///< records that end in this group
  std::uint64_t number = 0;         ///< of the segment: protects against a misdirected write
  std::uint64_t salt = 0;           ///< the segment's: see SegmentPrefix
  Epoch epoch = {};                 ///< the segment's
  Lsn first_lsn = {};               ///< of the first record that ends in or behind this group
  Lsn durable_lsn = {};             ///< evidence: synced when this was written
  std::uint64_t previous_hash = 0;  ///< protects against a lost or stale group in the middle
  std::int64_t base_time_ns = 0;    ///< of its first record; others count from it
};

/// The header at the start of `bytes` if one of *this* segment is there and its own check holds
/// (number, salt and epoch as in the prefix, lengths in bounds); nullopt for anything else.
DR_EXPORT std::optional<GroupHeader> DecodeGroupHeader(std::string_view bytes,
                                                       const SegmentPrefix& prefix);
/// `group` has exactly header.stored_bytes bytes: its hash holds and its padding is zero.
DR_EXPORT bool VerifyGroup(std::string_view group, const GroupHeader& header);

/// Encodes the groups of one segment, from its first on, into buffers of the caller. No allocation,
/// no failure.
class DR_EXPORT GroupBuilder {
 public:
  GroupBuilder(const SegmentPrefix& prefix, std::uint64_t prefix_hash);  ///< chains to the prefix
  /// Goes on with the segment after this one. A record that was started goes on there.
  void NextSegment(const SegmentPrefix& prefix, std::uint64_t prefix_hash);

  /// Starts a group in `buffer`, which must hold at least 2 * kGroupHeaderBytes and at most
  /// kMaxGroupBytes and be a multiple of block_bytes; what the group may take is buffer.size().
  void Begin(std::span<char> buffer, Lsn first_lsn, Lsn durable_lsn, std::int64_t base_time_ns);
  /// Adds the record, for which CheckRecord holds, or as much of it as fits. False: the group is
  /// full; Finish it, Begin the next and Add the same record again, which continues where it
  /// stopped.
  bool Add(const RecordView& record);
  bool in_record() const { return record_done_ != 0; }   ///< one has been started and not ended
  std::size_t size() const { return used_; }             ///< bytes so far, header included
  std::uint32_t record_count() const { return count_; }  ///< that end in this group so far
  std::string_view Finish();  ///< pads, hashes and chains; the result is what to write
  /// As Finish, for a group without records: the footer, which reaches to the end of the buffer.
  std::string_view FinishFooter();
  std::uint64_t hash() const { return previous_hash_; }  ///< of the last finished group

 private:
  bool AddPart(const RecordView& record);
  std::string_view Seal(std::uint32_t flags, std::size_t stored_bytes);

  std::uint64_t number_ = 0, salt_ = 0;
  Epoch epoch_ = {};
  std::uint32_t block_bytes_ = 1;
  std::uint64_t previous_hash_ = 0;
  std::uint64_t group_total_ = 0, record_total_ = 0;  ///< finished ones, for the footer
  std::span<char> buffer_ = {};
  std::size_t used_ = 0;
  std::size_t record_done_ = 0;  ///< bytes of the current record already in earlier frames
  std::uint32_t count_ = 0, flags_ = 0;
  Lsn first_lsn_ = {}, durable_lsn_ = {};
  std::int64_t base_time_ns_ = 0;
  std::int64_t record_base_time_ns_ = 0;  ///< of the group in which the current record began
};

/// Turns verified groups, in order, into records; joins those that continue. Views are valid until
/// the next call.
class DR_EXPORT RecordReader {
 public:
  /// `group` was verified and must outlive the calls of Next on it.
  absl::Status Begin(std::string_view group, const GroupHeader& header);
  /// nullopt: the group is used up (a record may go on in the next). kDataLoss: a frame or record
  /// is not as the format demands, a record left open by the group before is not continued by this
  /// one, or the other way round.
  absl::StatusOr<std::optional<RecordView>> Next();
  bool in_record() const { return !partial_.empty(); }  ///< one goes on in the next group
  /// If the next group begins inside a record, whose start is not to be had, leave that one out.
  void SkipOpenRecord() { skip_ = true; }

 private:
  friend class LogReader;
  friend class SegmentReader;
  const char* Enter(std::string_view group, const GroupHeader& header);
  const char* Join(Frame& frame);
  const char* Read(std::optional<RecordView>* record);

  const Decoder* decoder_ = nullptr;
  std::string_view frames_ = {};
  std::string partial_, joined_;
  std::uint32_t missing_records_ = 0;
  bool at_start_ = false, continues_ = false, skip_ = false;
  Lsn next_lsn_ = {};
  std::int64_t base_time_ns_ = 0, partial_base_time_ns_ = 0;
};

/// Builds one whole segment (block_bytes 1) in memory.
class DR_EXPORT SegmentWriter {
 public:
  explicit SegmentWriter(const SegmentPrefix& prefix);  ///< of this prefix
  SegmentWriter(SegmentWriter&&) = default;             ///< moved, not copied
  /// As CheckRecord; a record that was refused leaves no trace.
  absl::Status Add(const RecordView& record);
  std::size_t size() const;  ///< bytes so far; Finish adds at most 2 * kGroupHeaderBytes
  std::string Finish() &&;   ///< with footer

 private:
  void BeginGroup(std::size_t bytes, std::int64_t base_time_ns);
  void EndGroup();

  std::string bytes_;  ///< groups are built in place
  std::size_t group_start_ = 0;
  Lsn next_lsn_, durable_lsn_;
  std::int64_t base_time_ns_ = 0;
  GroupBuilder builder_;
  bool open_ = false;
};

/// Reads one whole sealed segment from memory, strictly: prefix, every group, chain, footer and
/// end must be as written. The first damage is kDataLoss with place, offset and Lsn; so is a record
/// that began in the segment before or ends in the one behind.
class DR_EXPORT SegmentReader {
 public:
  /// `bytes` must outlive the reader.
  static absl::StatusOr<SegmentReader> Open(std::string_view bytes, std::string_view place);
  const SegmentPrefix& prefix() const { return prefix_; }  ///< as it was read
  /// nullopt at the end, after the footer was checked. Views are valid until the next call.
  absl::StatusOr<std::optional<RecordView>> Next();

 private:
  SegmentReader() = default;
  absl::Status NextGroup();
  absl::Status Damage(std::string_view what) const;

  std::string_view bytes_;
  std::string place_;
  SegmentPrefix prefix_;
  RecordReader records_;
  std::size_t group_start_ = 0, offset_ = 0;
  std::uint64_t previous_hash_ = 0, group_total_ = 0, record_total_ = 0;
  bool footer_seen_ = false;
};

}  // namespace dr::inline v0
