#include "src/format/claim.h"

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/format/canonical_proto.h"
#include "src/format/entry.h"
#include "src/format/wire_fields.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kMaxElements = kMaxClaimRuns + kMaxManifestFeatures;

constexpr auto kParentFields = [](auto& wire, ForkParent& parent) {
  wire.Bytes(1, parent.name);
  wire.Fixed64(2, parent.lineage.high);
  wire.Fixed64(3, parent.lineage.low);
  EntryFields(wire, 4, parent.manifest);
};

// repository.proto has the names of these fields.
constexpr auto kClaimFields = [](auto& wire, Claim& claim) {
  EntryFields(wire, 1, claim.before);
  EntryFields(wire, 3, claim.manifest);
  wire.Bytes(5, claim.host);
  wire.Optional(6, claim.parent, kParentFields);
  wire.Flag(7, claim.closing);
  wire.Repeated(8, claim.runs, kRunFields);
  wire.Repeated(9, claim.required_features);
};

std::string_view BrokenRule(const Claim& claim) {
  const std::uint64_t number = claim.prefix.number;
  if (number == 0) return "a claim's number begins at 1";
  if (claim.before.number >= number || claim.manifest.number >= number) {
    return "the claim names an entry that is not before it";
  }
  if (!IsWhole(claim.before) || !IsWhole(claim.manifest)) {
    return "the claim names an entry by halves";
  }
  if (claim.host.size() > kMaxNameBytes) return "the name of the host is too long";
  if (claim.parent) {
    const ForkParent& parent = *claim.parent;
    if (parent.name.empty() || parent.name.size() > kMaxNameBytes || parent.lineage == LogId{} ||
        parent.manifest.number == 0 || !IsWhole(parent.manifest)) {
      return "the parent of the fork is named by halves";
    }
  }
  if (!RunsAscend(claim.runs)) return "the runs of the claim do not ascend";
  if (claim.runs.size() > kMaxClaimRuns) return "the claim has too many runs";
  return BrokenFeatureRule(claim.required_features);
}

}  // namespace

absl::StatusOr<std::string> EncodeClaim(Claim claim) {
  if (const std::string_view broken = BrokenRule(claim); !broken.empty()) {
    return MakeFault({.kind = FaultKind::kInvalid,
                      .place = fmt::format("claim {}", claim.prefix.number),
                      .next = "correct it"},
                     broken);
  }
  claim.prefix.kind = SegmentKind::kClaim;
  const std::string body = EncodeCanonical(claim, kClaimFields);
  return EncodeEntry(claim.prefix, body);
}

absl::StatusOr<Claim> DecodeClaim(std::string_view bytes, std::string_view place) {
  const auto damaged = [place](std::string_view what) {
    return DamagedEntry(SegmentKind::kClaim, place, what);
  };
  DR_ASSIGN_OR_RETURN(const Entry entry, DecodeEntry(SegmentKind::kClaim, bytes, place));
  Claim claim{.prefix = entry.prefix};
  const ProtoCheck check = DecodeCanonical(entry.body, claim, kClaimFields, kMaxElements);
  if (check.wrong != nullptr) return damaged(check.wrong);
  DR_RETURN_IF_ERROR(CheckFeatures(SegmentKind::kClaim, claim.required_features, place));
  if (check.has_unknown_fields && !entry.may_have_unknown_fields()) {
    return damaged("the body of the claim has fields that its version does not have");
  }
  if (const std::string_view broken = BrokenRule(claim); !broken.empty()) return damaged(broken);
  return claim;
}

}  // namespace dr::inline v0
