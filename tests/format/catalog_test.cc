// What a repository keeps.

#include "src/format/catalog.h"

#include <catch2/catch.hpp>
#include <functional>

#include "dr/status.h"
#include "src/format/repository.pb.h"
#include "tests/format/entry_damage.h"
#include "tests/format/repository_bodies.h"

namespace dr::test {
namespace {

std::string Encoded(const Catalog& catalog) { return EncodeCatalog(catalog).value(); }

TEST_CASE("A catalog comes back with every field") {
  const Catalog catalog = CatalogOfEveryField();
  CHECK(DecodeCatalog(Encoded(catalog), "entry").value() == catalog);
  const Catalog least{.lineage = {.high = 1, .low = 2}};
  CHECK(DecodeCatalog(Encoded(least), "entry").value() == least);
}

TEST_CASE("The body of a catalog is what repository.proto says") {
  format::v1::Catalog body;
  REQUIRE(body.ParseFromString(BodyOf(Encoded(CatalogOfEveryField()))));
  CHECK(body.floor() == 50);
  CHECK(body.swept() == 40);
  CHECK(body.kept(0).names(1) == "friday");
  CHECK(body.kept(1).proof().failed());
  CHECK(body.kept(0).proof().lasted_ns() == 3'000'000'000);
  CHECK(body.dropped_size() == 2);
  CHECK(body.parted().lsn() == 31);
  CHECK(body.closed() == "s3://bucket/next");
  CHECK(body.SerializeAsString() == BodyOf(Encoded(CatalogOfEveryField())));
}

TEST_CASE("C4: no flipped bit and no cut of a catalog is silent") {
  CheckEveryDamage(Encoded(CatalogOfEveryField()),
                   [](std::string_view bytes) { return DecodeCatalog(bytes, "entry").status(); });
}

TEST_CASE("P21: two catalogs that say the same are different values") {
  Catalog one = CatalogOfEveryField(), other = one;
  ++other.nonce;
  CHECK(Encoded(one) != Encoded(other));
}

TEST_CASE("A catalog that breaks a rule is neither written nor read") {
  const std::vector<std::pair<std::string, std::function<void(Catalog&)>>> rows = {
      {"no lineage", [](Catalog& c) { c.lineage = {}; }},
      {"begins at 1", [](Catalog& c) { c.revision = 0; }},
      {"above its floor", [](Catalog& c) { c.swept = 51; }},
      {"above its floor", [](Catalog& c) { c.swept = 0; }},
      {"by halves", [](Catalog& c) { c.kept[0].entry.hash = {}; }},
      {"not in order", [](Catalog& c) { std::swap(c.kept[0], c.kept[1]); }},
      {"not in order",
       [](Catalog& c) {
         c.kept[0].names = {"b", "a"};
       }},
      {"empty", [](Catalog& c) { c.kept[1].holds = {""}; }},
      {"has lost components", [](Catalog& c) { c.kept[1].dropped_components = {"cache"}; }},
      {"a proof is none", [](Catalog& c) { c.kept[0].proof = Proof{}; }},
      {"a proof is none", [](Catalog& c) { c.kept[0].proof->lasted = -absl::Nanoseconds(1); }},
      {"by halves", [](Catalog& c) { c.dropped[0].number = 0; }},
      {"not in order", [](Catalog& c) { std::swap(c.dropped[0], c.dropped[1]); }},
      {"above the floor", [](Catalog& c) { c.dropped[1].number = 50; }},
      {"kept and dropped", [](Catalog& c) { c.dropped = {c.kept[1].entry}; }},
      {"no salt", [](Catalog& c) { c.copy_of->salt = 0; }},
      {"by halves", [](Catalog& c) { c.parted->number = 0; }},
      {"too long", [](Catalog& c) { c.closed.assign(4097, 'u'); }},
      {"not in order", [](Catalog& c) {
         c.required_features = {"b", "a"};
       }}};
  for (const auto& [what, change] : rows) {
    Catalog catalog = CatalogOfEveryField();
    change(catalog);
    const absl::Status status = EncodeCatalog(catalog).status();
    INFO(what << ": " << status.ToString());
    CHECK(absl::IsInvalidArgument(status));
    CHECK_THAT(std::string(AsStd(status.message())), Catch::Contains(what));
  }
}

TEST_CASE("A catalog that would be too long is refused, and says what to do") {
  Catalog catalog = CatalogOfEveryField();
  catalog.floor = 100'000;
  catalog.dropped.clear();
  for (std::uint64_t number = 1; number < 10'000; ++number) {
    if (number != 20 && number != 30) catalog.dropped.push_back({number, Sha256Of("x")});
  }
  const absl::Status status = EncodeCatalog(catalog).status();
  CHECK(FaultOf(status)->kind == FaultKind::kLimit);
  CHECK(FaultOf(status)->next == "keep fewer manifests, or release holds");
  CHECK(absl::IsDataLoss(DecodeCatalog(std::string(kMaxCatalogBytes + 1, 'x'), "entry").status()));
}

TEST_CASE("A prefix that says what a catalog does not is refused") {
  const std::string good = Encoded(CatalogOfEveryField());
  const SegmentPrefix right = DecodePrefix(good, "entry").value();
  for (const auto& change : std::vector<std::function<void(SegmentPrefix&)>>{
           [](SegmentPrefix& p) { p.epoch = {1}; }, [](SegmentPrefix& p) { p.durable_lsn = {1}; },
           [](SegmentPrefix& p) { p.history_lsn = {1}; },
           [](SegmentPrefix& p) { p.previous.number = 1; }}) {
    SegmentPrefix prefix = right;
    change(prefix);
    const std::string bytes = EncodeEntry(prefix, BodyOf(good)).value();
    CHECK(absl::IsDataLoss(DecodeCatalog(bytes, "entry").status()));
  }
}

}  // namespace
}  // namespace dr::test
