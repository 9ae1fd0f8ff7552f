#include "dr/repository/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/format/canonical_proto.h"
#include "src/format/entry.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kMaxElements =
    kMaxManifestComponents + kMaxManifestChunks + kMaxManifestFeatures;

/// The rules for the values of a manifest; empty: they hold.
std::string BrokenRule(const BackupManifest& manifest) {
  const auto& components = manifest.components;
  if (manifest.sequence == 0) return "a manifest's sequence begins at 1";
  if (const std::string_view broken = BrokenFeatureRule(manifest.required_features);
      !broken.empty()) {
    return std::string(broken);
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

// repository.proto has the names of these fields.
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
          .history_lsn = manifest.history == Digest{} ? Lsn{} : manifest.durable_lsn,
          .history = manifest.history,
          .created = manifest.created};
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
  return EncodeEntry(PrefixOf(manifest), EncodeCanonical(manifest, kManifestFields));
}

absl::StatusOr<BackupManifest> DecodeManifest(std::string_view bytes, std::string_view place) {
  const auto damaged = [place](std::string_view what) {
    return DamagedEntry(SegmentKind::kManifest, place, what);
  };
  DR_ASSIGN_OR_RETURN(const Entry entry, DecodeEntry(SegmentKind::kManifest, bytes, place));
  BackupManifest manifest{.history = entry.prefix.history};
  const ProtoCheck check = DecodeCanonical(entry.body, manifest, kManifestFields, kMaxElements);
  if (check.wrong != nullptr) return damaged(check.wrong);
  DR_RETURN_IF_ERROR(CheckFeatures(SegmentKind::kManifest, manifest.required_features, place));
  if (check.has_unknown_fields && !entry.may_have_unknown_fields()) {
    return damaged("the body of the manifest has fields that its version does not have");
  }
  if (const std::string broken = BrokenRule(manifest); !broken.empty()) return damaged(broken);
  if (!entry.HasPrefix(PrefixOf(manifest))) {
    return damaged("prefix and body of the manifest contradict each other");
  }
  return manifest;
}

}  // namespace dr::inline v0
