#include "dr/repository/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "src/format/canonical_proto.h"
#include "src/format/entry.h"
#include "src/format/wire_fields.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kMaxElements =
    kMaxManifestComponents + kMaxManifestObjects + kMaxManifestFeatures;

/// The rules for the values of a manifest; empty: they hold.
std::string BrokenRule(const BackupManifest& manifest) {
  const auto& components = manifest.components;
  if (manifest.sequence == 0) return "a manifest's sequence begins at 1";
  if (const std::string_view broken = BrokenFeatureRule(manifest.required_features);
      !broken.empty()) {
    return std::string(broken);
  }
  if (components.size() > kMaxManifestComponents) return "the manifest has too many components";
  const SegmentEnd& previous = manifest.previous;
  if (previous.number != 0 &&
      (previous.number + 1 != manifest.sequence || previous.entry == Sha256{})) {
    return "the manifest follows an entry that is not before it";
  }
  if (previous.number == 0 && previous != SegmentEnd{}) return "the entry before has no number";
  if (manifest.before.number >= manifest.sequence || manifest.claim.number >= manifest.sequence ||
      !IsWhole(manifest.before) || !IsWhole(manifest.claim)) {
    return "the manifest names an entry that is not before it";
  }
  std::size_t objects = 0;
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
    objects += c.objects.size();
    for (const ObjectRef& object : c.objects) {
      if (object.name.empty() || object.name.size() > kMaxObjectNameBytes) {
        return fmt::format("{} has an object without a name or with one that is too long",
                           c.component);
      }
    }
  }
  return objects > kMaxManifestObjects ? "the manifest has too many objects" : "";
}

// repository.proto has the names of these fields.
constexpr auto kObjectFields = [](auto& wire, ObjectRef& object) {
  wire.Bytes(1, object.name);
  wire.Varint(2, object.bytes);
  wire.Array(3, object.hash);
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
  wire.Repeated(9, snapshot.objects, kObjectFields);
};

constexpr auto kManifestFields = [](auto& wire, BackupManifest& manifest) {
  wire.Varint(1, manifest.as_of.value);
  EntryFields(wire, 2, manifest.before);
  EntryFields(wire, 4, manifest.claim);
  TimeField(wire, 6, manifest.last_time);
  wire.Repeated(7, manifest.required_features);
  wire.Repeated(8, manifest.components, kComponentFields);
};

SegmentPrefix PrefixOf(const BackupManifest& manifest) {
  return {.kind = SegmentKind::kManifest,
          .log = manifest.log,
          .number = manifest.sequence,
          .salt = manifest.salt,
          .epoch = manifest.epoch,
          .first_lsn = {1},
          .durable_lsn = manifest.durable_lsn,
          .history_lsn = manifest.history == Digest{} ? Lsn{} : manifest.durable_lsn,
          .history = manifest.history,
          .previous = manifest.previous,
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
  const SegmentPrefix& prefix = entry.prefix;
  BackupManifest manifest{.sequence = prefix.number,
                          .log = prefix.log,
                          .salt = prefix.salt,
                          .epoch = prefix.epoch,
                          .durable_lsn = prefix.durable_lsn,
                          .history = prefix.history,
                          .previous = prefix.previous,
                          .created = prefix.created};
  const ProtoCheck check = DecodeCanonical(entry.body, manifest, kManifestFields, kMaxElements);
  if (check.wrong != nullptr) return damaged(check.wrong);
  DR_RETURN_IF_ERROR(CheckFeatures(SegmentKind::kManifest, manifest.required_features, place));
  if (check.has_unknown_fields && !entry.may_have_unknown_fields()) {
    return damaged("the body of the manifest has fields that its version does not have");
  }
  if (const std::string broken = BrokenRule(manifest); !broken.empty()) return damaged(broken);
  if (!entry.HasPrefix(PrefixOf(manifest))) {
    return damaged("the prefix of the manifest says what a manifest does not");
  }
  return manifest;
}

}  // namespace dr::inline v0
