#include "src/format/entry.h"

#include <optional>
#include <utility>

#include "dr/log/segment.h"
#include "dr/repository/manifest.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/format/decoder.h"

namespace dr::inline v0 {
namespace {

constexpr std::uint32_t kBodyVersion = 1;  // schema version of the one record

std::string_view NameOf(SegmentKind kind) {
  switch (kind) {
    case SegmentKind::kLog:
      return "log";
    case SegmentKind::kState:
      return "state";
    case SegmentKind::kManifest:
      return "manifest";
    case SegmentKind::kClaim:
      return "claim";
    case SegmentKind::kCatalog:
      return "catalog";
  }
  return "segment";
}

RecordView RecordOf(const SegmentPrefix& prefix, std::string_view body) {
  return {.component = NameOf(prefix.kind),
          .schema_version = kBodyVersion,
          .time_ns = absl::ToUnixNanos(prefix.created),
          .payload = body};
}

// Everything about the record is given by the prefix, so that an entry has one encoding.
bool IsBody(const RecordView& record, const SegmentPrefix& prefix) {
  const RecordView expected = RecordOf(prefix, record.payload);
  return record.kind == expected.kind && !record.batch_continues &&
         record.component == expected.component && record.schema_name == expected.component &&
         record.schema_version == expected.schema_version && record.subject.empty() &&
         record.time_ns == expected.time_ns;
}

}  // namespace

absl::Status DamagedEntry(SegmentKind kind, std::string_view place, std::string_view what) {
  return DamagedSegment(kind, place, 0, std::nullopt, what);
}

bool Entry::HasPrefix(SegmentPrefix expected) const {
  expected.format_version = prefix.format_version;
  expected.min_reader_version = prefix.min_reader_version;
  return prefix == expected;
}

absl::StatusOr<std::string> EncodeEntry(SegmentPrefix prefix, std::string_view body) {
  prefix.first_lsn = {1};
  SegmentWriter writer(prefix);
  DR_RETURN_IF_ERROR(writer.Add(RecordOf(prefix, body)));
  return std::move(writer).Finish();
}

absl::StatusOr<Entry> DecodeEntry(SegmentKind kind, std::string_view bytes,
                                  std::string_view place) {
  DR_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::Open(bytes, place));
  const SegmentPrefix& prefix = reader.prefix();
  if (prefix.kind != kind) {
    return DamagedEntry(kind, place,
                        fmt::format("this is a {}, not a {}", NameOf(prefix.kind), NameOf(kind)));
  }
  DR_ASSIGN_OR_RETURN(const std::optional<RecordView> record, reader.Next());
  if (!record) return DamagedEntry(kind, place, fmt::format("the {} has no body", NameOf(kind)));
  if (prefix.first_lsn != Lsn{1} || !IsBody(*record, prefix)) {
    return DamagedEntry(kind, place,
                        fmt::format("the record of the {} is not its body", NameOf(kind)));
  }
  Entry entry{prefix, std::string(record->payload)};
  DR_ASSIGN_OR_RETURN(const std::optional<RecordView> second, reader.Next());
  if (second) return DamagedEntry(kind, place, fmt::format("the {} has two bodies", NameOf(kind)));
  return entry;
}

absl::Status CheckFeatures(SegmentKind kind, const std::vector<std::string>& required,
                           std::string_view place) {
  if (required.empty()) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kVersion,
                    .place = std::string(place),
                    .next = "open it with a newer version of dr"},
                   fmt::format("the {} requires the feature \"{}\"; this build knows none",
                               NameOf(kind), required.front()));
}

std::string_view BrokenFeatureRule(const std::vector<std::string>& features) {
  if (features.size() > kMaxManifestFeatures) return "too many features are required";
  for (std::size_t i = 0; i < features.size(); ++i) {
    if (features[i].empty() || features[i].size() > kMaxNameBytes) {
      return "a required feature has no name or a name that is too long";
    }
    if (i > 0 && features[i - 1] >= features[i]) return "required features are not in order";
  }
  return "";
}

}  // namespace dr::inline v0
