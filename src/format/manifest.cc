#include "dr/repository/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/format/canonical_proto.h"
#include "src/format/decoder.h"

namespace dr::inline v0 {
namespace {

constexpr std::uint32_t kBodyVersion = 1;  // schema version of the one record
constexpr std::size_t kMaxElements =
    kMaxManifestComponents + kMaxManifestChunks + kMaxManifestFeatures;

/// The rules for the values of a manifest; empty: they hold.
std::string BrokenRule(const BackupManifest& manifest) {
  const auto& components = manifest.components;
  const auto& features = manifest.required_features;
  if (manifest.sequence == 0) return "a manifest's sequence begins at 1";
  if (features.size() > kMaxManifestFeatures) return "the manifest requires too many features";
  for (std::size_t i = 0; i < features.size(); ++i) {
    if (features[i].empty() || features[i].size() > kMaxNameBytes) {
      return "a required feature has no name or a name that is too long";
    }
    if (i > 0 && features[i - 1] >= features[i]) return "required features are not in order";
  }
  if (components.size() > kMaxManifestComponents) return "the manifest has too many components";
  std::size_t chunks = 0;
  for (std::size_t i = 0; i < components.size(); ++i) {
    const ComponentSnapshot& c = components[i];
    const auto is_name = [](const std::string& name) {
      return !name.empty() && name.size() <= kMaxNameBytes;
    };
    if (!is_name(c.component) || !is_name(c.schema.name)) {
      return fmt::format("component {} has no name or schema or one that is too long", i);
    }
    if (i > 0 && components[i - 1].component >= c.component) {
      return fmt::format("component {} occurs twice or out of order", c.component);
    }
    if (c.as_of < manifest.as_of) return fmt::format("{} is behind the cut", c.component);
    if (c.as_of > manifest.durable_lsn) {
      return fmt::format("{} is ahead of what is known to be durable", c.component);
    }
    chunks += c.chunks.size();
    for (const ChunkRef& chunk : c.chunks) {
      if (chunk.key.empty() || chunk.key.size() > kMaxChunkKeyBytes) {
        return fmt::format("{} has a chunk without a key or with one that is too long",
                           c.component);
      }
    }
  }
  return chunks > kMaxManifestChunks ? "the manifest has too many chunks" : "";
}

// manifest.proto has the names of these fields.
constexpr auto kChunkFields = [](auto& wire, ChunkRef& chunk) {
  wire.Bytes(1, chunk.key);
  wire.Varint(2, chunk.bytes);
  wire.Fixed64(3, chunk.hash);
};

constexpr auto kComponentFields = [](auto& wire, ComponentSnapshot& snapshot) {
  wire.Bytes(1, snapshot.component);
  wire.Bytes(2, snapshot.schema.name);
  wire.Varint(3, snapshot.schema.version);
  wire.Varint(4, snapshot.as_of.value);
  wire.Fixed64(5, snapshot.digest.high);
  wire.Fixed64(6, snapshot.digest.low);
  wire.Varint(7, snapshot.records);
  wire.Varint(8, snapshot.bytes);
  wire.Repeated(9, snapshot.chunks, kChunkFields);
};

constexpr auto kManifestFields = [](auto& wire, BackupManifest& manifest) {
  wire.Varint(1, manifest.sequence);
  wire.Fixed64(2, manifest.log.high);
  wire.Fixed64(3, manifest.log.low);
  wire.Varint(4, manifest.epoch.value);
  wire.Varint(5, manifest.as_of.value);
  wire.Varint(6, manifest.durable_lsn.value);
  wire.Fixed64(7, manifest.previous_hash);
  auto created_ns = static_cast<std::uint64_t>(absl::ToUnixNanos(manifest.created));
  wire.Fixed64(8, created_ns);
  manifest.created = absl::FromUnixNanos(static_cast<std::int64_t>(created_ns));
  wire.Repeated(9, manifest.required_features);
  wire.Repeated(10, manifest.components, kComponentFields);
};

SegmentPrefix PrefixOf(const BackupManifest& manifest) {
  return {.kind = SegmentKind::kManifest,
          .log = manifest.log,
          .number = manifest.sequence,
          .epoch = manifest.epoch,
          .first_lsn = {1},
          .durable_lsn = manifest.durable_lsn,
          .created = manifest.created};
}

RecordView RecordOf(const BackupManifest& manifest, std::string_view body) {
  return {.component = "manifest",
          .schema_version = kBodyVersion,
          .time_ns = absl::ToUnixNanos(manifest.created),
          .payload = body};
}

/// The payload of the only record.
absl::StatusOr<std::string> OnlyBody(SegmentReader& reader, std::string_view place) {
  const auto damaged = [place](std::string_view what) {
    return DamagedSegment(SegmentKind::kManifest, place, 0, std::nullopt, what);
  };
  DR_ASSIGN_OR_RETURN(const std::optional<RecordView> record, reader.Next());
  if (!record) return damaged("the manifest has no body");
  if (record->component != "manifest" || record->schema_version != kBodyVersion) {
    return damaged("the record of the manifest is not a manifest's body");
  }
  std::string body(record->payload);
  DR_ASSIGN_OR_RETURN(const std::optional<RecordView> second, reader.Next());
  if (second) return damaged("the manifest has two bodies");
  return body;
}

absl::Status CheckFeatures(const BackupManifest& manifest, std::string_view place) {
  if (manifest.required_features.empty()) return absl::OkStatus();
  return MakeFault({.kind = FaultKind::kVersion,
                    .place = std::string(place),
                    .next = "Open it with a newer version of dr."},
                   fmt::format("the manifest requires the feature \"{}\"; this build knows none",
                               manifest.required_features.front()));
}

}  // namespace

absl::StatusOr<std::string> EncodeManifest(BackupManifest manifest) {
  std::sort(manifest.required_features.begin(), manifest.required_features.end());
  std::sort(manifest.components.begin(), manifest.components.end(),
            [](const auto& a, const auto& b) { return a.component < b.component; });
  if (const std::string broken = BrokenRule(manifest); !broken.empty()) {
    return MakeFault({.kind = FaultKind::kInvalid,
                      .place = fmt::format("manifest {}", manifest.sequence),
                      .next = "Correct what is to be backed up."},
                     broken);
  }
  SegmentWriter writer(PrefixOf(manifest));
  const std::string body = EncodeCanonical(manifest, kManifestFields);
  DR_RETURN_IF_ERROR(writer.Add(RecordOf(manifest, body)));
  return std::move(writer).Finish();
}

absl::StatusOr<BackupManifest> DecodeManifest(std::string_view bytes, std::string_view place) {
  const auto damaged = [place](std::string_view what) {
    return DamagedSegment(SegmentKind::kManifest, place, 0, std::nullopt, what);
  };
  DR_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::Open(bytes, place));
  const SegmentPrefix& prefix = reader.prefix();
  if (prefix.kind != SegmentKind::kManifest) return damaged("this segment is not a manifest");
  DR_ASSIGN_OR_RETURN(const std::string stored, OnlyBody(reader, place));

  BackupManifest manifest;
  const ProtoCheck check = DecodeCanonical(stored, manifest, kManifestFields, kMaxElements);
  if (check.wrong != nullptr) return damaged(check.wrong);
  DR_RETURN_IF_ERROR(CheckFeatures(manifest, place));
  if (check.has_unknown_fields && prefix.format_version <= kSegmentFormatVersion) {
    return damaged("the body of the manifest has fields that its version does not have");
  }
  if (const std::string broken = BrokenRule(manifest); !broken.empty()) return damaged(broken);
  if (prefix.log != manifest.log || prefix.number != manifest.sequence ||
      prefix.epoch != manifest.epoch || prefix.durable_lsn != manifest.durable_lsn ||
      prefix.created != manifest.created) {
    return damaged("prefix and body of the manifest contradict each other");
  }
  return manifest;
}

}  // namespace dr::inline v0
