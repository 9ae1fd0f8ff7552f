// What says who writes in a repository.

#include "src/format/claim.h"

#include <catch2/catch.hpp>
#include <functional>

#include "dr/status.h"
#include "src/format/repository.pb.h"
#include "tests/format/entry_damage.h"
#include "tests/format/repository_bodies.h"

namespace dr::test {
namespace {

std::string Encoded(const Claim& claim) { return EncodeClaim(claim).value(); }

TEST_CASE("A claim comes back with every field") {
  const Claim claim = ClaimOfEveryField();
  CHECK(DecodeClaim(Encoded(claim), "entry").value() == claim);
  const Claim least{.prefix = {.kind = SegmentKind::kClaim, .first_lsn = {1}}};
  CHECK(DecodeClaim(Encoded(least), "entry").value() == least);
}

TEST_CASE("The body of a claim is what repository.proto says") {
  format::v1::Claim body;
  REQUIRE(body.ParseFromString(BodyOf(Encoded(ClaimOfEveryField()))));
  CHECK(body.before_number() == 60);
  CHECK(body.manifest_number() == 70);
  CHECK(body.host() == "agent-7");
  CHECK(body.parent().manifest_number() == 12);
  CHECK(body.closing());
  CHECK(body.runs_size() == 2);
  CHECK(body.SerializeAsString() == BodyOf(Encoded(ClaimOfEveryField())));
}

TEST_CASE("C4: no flipped bit and no cut of a claim is silent") {
  CheckEveryDamage(Encoded(ClaimOfEveryField()),
                   [](std::string_view bytes) { return DecodeClaim(bytes, "entry").status(); });
}

TEST_CASE("A claim that breaks a rule is neither written nor read") {
  const std::vector<std::pair<std::string, std::function<void(Claim&)>>> rows = {
      {"begins at 1", [](Claim& c) { c.prefix.number = 0; }},
      {"not before it", [](Claim& c) { c.before.number = 77; }},
      {"not before it", [](Claim& c) { c.manifest.number = 78; }},
      {"by halves", [](Claim& c) { c.before.hash = {}; }},
      {"by halves", [](Claim& c) { c.manifest.number = 0; }},
      {"too long", [](Claim& c) { c.host.assign(kMaxNameBytes + 1, 'h'); }},
      {"by halves", [](Claim& c) { c.parent->name.clear(); }},
      {"by halves", [](Claim& c) { c.parent->lineage = {}; }},
      {"by halves", [](Claim& c) { c.parent->manifest = {}; }},
      {"ascend", [](Claim& c) { std::swap(c.runs[0], c.runs[1]); }},
      {"ascend", [](Claim& c) { c.runs[0].epoch = {}; }},
      {"too many",
       [](Claim& c) {
         c.runs.clear();
         for (std::uint64_t i = 1; i <= kMaxClaimRuns + 1; ++i) c.runs.push_back({{i}, {1}});
       }},
      {"no name", [](Claim& c) { c.required_features = {""}; }}};
  for (const auto& [what, change] : rows) {
    Claim claim = ClaimOfEveryField();
    change(claim);
    const absl::Status status = EncodeClaim(claim).status();
    INFO(what << ": " << status.ToString());
    CHECK(absl::IsInvalidArgument(status));
    CHECK_THAT(std::string(AsStd(status.message())), Catch::Contains(what));
  }
}

TEST_CASE("A claim that requires what is not known here is refused by name") {
  Claim claim = ClaimOfEveryField();
  claim.required_features = {"leases"};
  const absl::Status status = DecodeClaim(Encoded(claim), "entry").status();
  CHECK(absl::IsUnimplemented(status));
  CHECK_THAT(std::string(AsStd(status.message())), Catch::Contains("\"leases\""));
}

TEST_CASE("What is no claim is named") {
  const std::string manifest = EncodeEntry({.kind = SegmentKind::kManifest}, "anything").value();
  CHECK_THAT(std::string(AsStd(DecodeClaim(manifest, "entry").status().message())),
             Catch::Contains("this is a manifest, not a claim"));
}

}  // namespace
}  // namespace dr::test
