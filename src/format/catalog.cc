#include "src/format/catalog.h"

#include <algorithm>
#include <utility>

#include "dr/repository/manifest.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/format/canonical_proto.h"
#include "src/format/entry.h"
#include "src/format/wire_fields.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kMaxClosedBytes = 4096;  // a URI

// repository.proto has the names of these fields.
constexpr auto kProofFields = [](auto& wire, Proof& proof) {
  auto level = static_cast<std::uint8_t>(proof.level);
  wire.Varint(1, level);
  proof.level = static_cast<Proof::Level>(level);
  wire.Flag(2, proof.failed);
  TimeField(wire, 3, proof.when);
  auto lasted_ns = static_cast<std::uint64_t>(absl::ToInt64Nanoseconds(proof.lasted));
  wire.Varint(4, lasted_ns);
  proof.lasted = absl::Nanoseconds(static_cast<std::int64_t>(lasted_ns));
};

constexpr auto kKeptFields = [](auto& wire, KeptManifest& kept) {
  EntryFields(wire, 1, kept.entry);
  TimeField(wire, 3, kept.created);
  wire.Varint(4, kept.position.epoch.value);
  wire.Varint(5, kept.position.lsn.value);
  wire.Repeated(6, kept.names);
  wire.Repeated(7, kept.holds);
  wire.Optional(8, kept.proof, kProofFields);
  wire.Repeated(9, kept.dropped_components);
};

constexpr auto kCopyFields = [](auto& wire, CopyOf& copy) {
  wire.Fixed64(1, copy.salt);
  wire.Varint(2, copy.up_to);
};

constexpr auto kPartedFields = [](auto& wire, Parted& parted) {
  wire.Fixed64(1, parted.salt);
  wire.Varint(2, parted.number);
  wire.Varint(3, parted.lsn.value);
  wire.Fixed64(4, parted.history.high);
  wire.Fixed64(5, parted.history.low);
};

constexpr auto kCatalogFields = [](auto& wire, Catalog& catalog) {
  wire.Varint(1, catalog.floor);
  wire.Varint(2, catalog.swept);
  wire.Array(3, catalog.ring);
  wire.Repeated(4, catalog.kept, kKeptFields);
  wire.Repeated(5, catalog.dropped, kEntryFields);
  wire.Optional(6, catalog.copy_of, kCopyFields);
  wire.Optional(7, catalog.parted, kPartedFields);
  wire.Bytes(8, catalog.closed);
  wire.Repeated(9, catalog.required_features);
};

bool AreNames(const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty() || names[i].size() > kMaxNameBytes) return false;
    if (i > 0 && names[i - 1] >= names[i]) return false;
  }
  return true;
}

std::string_view BrokenRule(const KeptManifest& kept) {
  if (kept.entry.number == 0 || !IsWhole(kept.entry)) return "a kept manifest is named by halves";
  if (!AreNames(kept.names) || !AreNames(kept.holds) || !AreNames(kept.dropped_components)) {
    return "the names of a kept manifest are not in order, or empty, or too long";
  }
  if (!kept.holds.empty() && !kept.dropped_components.empty()) {
    return "a manifest that is held has lost components";
  }
  if (kept.proof &&
      (kept.proof->level == Proof::Level::kNone || kept.proof->level > Proof::Level::kReplayed ||
       kept.proof->lasted < absl::ZeroDuration())) {
    return "a proof is none";
  }
  return "";
}

std::string_view BrokenRule(const Catalog& catalog) {
  if (catalog.lineage == LogId{}) return "the catalog has no lineage";
  if (catalog.revision == 0) return "a catalog's revision begins at 1";
  if (catalog.swept == 0 || catalog.swept > catalog.floor) {
    return "the catalog is swept above its floor";
  }
  for (std::size_t i = 0; i < catalog.kept.size(); ++i) {
    if (const std::string_view broken = BrokenRule(catalog.kept[i]); !broken.empty()) {
      return broken;
    }
    if (i > 0 && catalog.kept[i - 1].entry.number >= catalog.kept[i].entry.number) {
      return "kept manifests are not in order";
    }
  }
  for (std::size_t i = 0; i < catalog.dropped.size(); ++i) {
    const EntryRef& dropped = catalog.dropped[i];
    if (dropped.number == 0 || !IsWhole(dropped)) return "a dropped manifest is named by halves";
    if (i > 0 && catalog.dropped[i - 1].number >= dropped.number) {
      return "dropped manifests are not in order";
    }
    if (dropped.number >= catalog.floor) return "a manifest above the floor is dropped";
    const bool is_kept =
        std::any_of(catalog.kept.begin(), catalog.kept.end(),
                    [&](const KeptManifest& kept) { return kept.entry.number == dropped.number; });
    if (is_kept) return "a manifest is kept and dropped";
  }
  if (catalog.copy_of && catalog.copy_of->salt == 0) return "what this is a copy of has no salt";
  if (catalog.parted && (catalog.parted->salt == 0 || catalog.parted->number == 0)) {
    return "what this has parted from is named by halves";
  }
  if (catalog.closed.size() > kMaxClosedBytes) return "the place where it goes on is too long";
  return BrokenFeatureRule(catalog.required_features);
}

SegmentPrefix PrefixOf(const Catalog& catalog) {
  return {.kind = SegmentKind::kCatalog,
          .log = catalog.lineage,
          .number = catalog.revision,
          .salt = catalog.nonce,
          .first_lsn = {1},
          .created = catalog.changed};
}

}  // namespace

absl::StatusOr<std::string> EncodeCatalog(Catalog catalog) {
  const auto refused = [](FaultKind kind, std::string_view what, std::string next) {
    return MakeFault({.kind = kind, .place = "catalog", .next = std::move(next)}, what);
  };
  if (const std::string_view broken = BrokenRule(catalog); !broken.empty()) {
    return refused(FaultKind::kInvalid, broken, "correct it");
  }
  const SegmentPrefix prefix = PrefixOf(catalog);
  DR_ASSIGN_OR_RETURN(std::string bytes,
                      EncodeEntry(prefix, EncodeCanonical(catalog, kCatalogFields)));
  if (bytes.size() > kMaxCatalogBytes) {
    return refused(FaultKind::kLimit,
                   fmt::format("the catalog would have {} bytes, {} are allowed", bytes.size(),
                               kMaxCatalogBytes),
                   "keep fewer manifests, or release holds");
  }
  return bytes;
}

absl::StatusOr<Catalog> DecodeCatalog(std::string_view bytes, std::string_view place) {
  const auto damaged = [place](std::string_view what) {
    return DamagedEntry(SegmentKind::kCatalog, place, what);
  };
  if (bytes.size() > kMaxCatalogBytes) return damaged("the catalog is too long");
  DR_ASSIGN_OR_RETURN(const Entry entry, DecodeEntry(SegmentKind::kCatalog, bytes, place));
  const SegmentPrefix& prefix = entry.prefix;
  Catalog catalog{.lineage = prefix.log,
                  .revision = prefix.number,
                  .nonce = prefix.salt,
                  .changed = prefix.created};
  const ProtoCheck check =
      DecodeCanonical(entry.body, catalog, kCatalogFields, kMaxCatalogElements);
  if (check.wrong != nullptr) return damaged(check.wrong);
  DR_RETURN_IF_ERROR(CheckFeatures(SegmentKind::kCatalog, catalog.required_features, place));
  if (check.has_unknown_fields && !entry.may_have_unknown_fields()) {
    return damaged("the body of the catalog has fields that its version does not have");
  }
  if (const std::string_view broken = BrokenRule(catalog); !broken.empty()) return damaged(broken);
  if (!entry.HasPrefix(PrefixOf(catalog))) {
    return damaged("the prefix of the catalog says what a catalog does not");
  }
  return catalog;
}

}  // namespace dr::inline v0
