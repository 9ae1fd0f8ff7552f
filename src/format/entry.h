// A segment that is one Protobuf message: a manifest, a claim or a catalog.
//
//   segment = prefix group footer     the group has one record: the message, under its kind's name
//
// What the prefix says (log, number, epoch, positions, time) the message does not repeat.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/log/segment_prefix.h"

namespace dr::inline v0 {

/// `prefix.first_lsn` is taken to be 1. kInvalidArgument: the body is longer than kMaxPayloadBytes.
absl::StatusOr<std::string> EncodeEntry(SegmentPrefix prefix, std::string_view body);

struct Entry {
  SegmentPrefix prefix;
  std::string body;

  /// Fields that this version of dr does not know are damage unless a newer one wrote them.
  bool may_have_unknown_fields() const { return prefix.format_version > kSegmentFormatVersion; }
  /// The prefix says what `expected` does and nothing else.
  bool HasPrefix(SegmentPrefix expected) const;
};
/// kDataLoss for damage and for a segment of another kind; kUnimplemented as DecodePrefix.
absl::StatusOr<Entry> DecodeEntry(SegmentKind kind, std::string_view bytes, std::string_view place);

/// kDataLoss: what is wrong with the entry of `kind` at `place`.
absl::Status DamagedEntry(SegmentKind kind, std::string_view place, std::string_view what);
/// OK if none is required, since this build knows none; else kUnimplemented, naming the first.
absl::Status CheckFeatures(SegmentKind kind, const std::vector<std::string>& required,
                           std::string_view place);
/// What is wrong with names of features; empty: nothing.
std::string_view BrokenFeatureRule(const std::vector<std::string>& features);

}  // namespace dr::inline v0
