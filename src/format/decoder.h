// One decoder per format version, kept for ever. A new version is a folder beside v1/ and a row in
// decoder.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "dr/log/segment.h"

namespace dr::inline v0 {

/// A piece of a record as it lies in a group.
struct Frame {
  bool begins = false;  ///< the record starts here
  bool ends = false;
  std::string_view bytes = {};
};

struct FooterCounts {
  std::uint64_t groups = 0;  ///< before the footer
  std::uint64_t records = 0;
  Lsn last_lsn = {};
};

/// What reading a version takes. A `const char*` result names what is wrong; null: nothing is.
struct Decoder {
  std::uint16_t version;
  /// `bytes` are the padded prefix, its magic and hash already verified.
  const char* (*prefix)(std::string_view bytes, SegmentPrefix* prefix);
  std::optional<GroupHeader> (*group_header)(std::string_view bytes, const SegmentPrefix& prefix);
  bool (*verify_group)(std::string_view group, const GroupHeader& header);
  /// The frames of a verified group; empty for a footer.
  std::string_view (*frames)(std::string_view group, const GroupHeader& header);
  FooterCounts (*footer)(std::string_view group);
  /// Takes the first frame of `frames`, which are not empty.
  const char* (*frame)(std::string_view* frames, Frame* frame);
  /// `base_time_ns` is that of the group in which the record began.
  const char* (*record)(std::string_view bytes, std::int64_t base_time_ns, RecordView* record);
  std::uint64_t max_record_bytes;
};

/// The decoder for what a writer of `format_version` wrote: its own, or the newest known one, which
/// is right where that writer's min_reader_version says so.
const Decoder& DecoderFor(std::uint16_t format_version);

/// For errors in a segment: wal_corrupt in logs, auth_failed in everything else.
absl::Status DamagedSegment(SegmentKind kind, std::string_view place, std::uint64_t offset,
                            std::optional<Lsn> lsn, std::string_view what);

}  // namespace dr::inline v0
