#include "dr/repository/manifest.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "dr/status.h"
#include "src/format/repository.pb.h"
#include "tests/format/segments.h"

namespace dr::test {
namespace {

BackupManifest Example() {
  return {.sequence = 3,
          .log = {.high = 0x1111222233334444, .low = 0x5555666677778888},
          .salt = 0x9999,
          .epoch = {2},
          .as_of = {90},
          .durable_lsn = {120},
          .history = {.high = 3, .low = 4},
          .previous = {.number = 2,
                       .salt = 0x8888,
                       .last_lsn = {80},
                       .epoch = {1},
                       .entry = Sha256Of("entry 2")},
          .before = {2, Sha256Of("entry 2")},
          .claim = {1, Sha256Of("entry 1")},
          .created = absl::FromUnixNanos(1'700'000'000'123'456'789),
          .last_time = absl::FromUnixNanos(1'700'000'000'000'000'000),
          .required_features = {},
          .components = {
              {.component = "graph",
               .schema = {.name = "graph.nodes", .version = 4},
               .as_of = {100},
               .digest = {.high = 1, .low = 2},
               .records = 1000,
               .bytes = 65536,
               .objects = {{.name = "data/2/1-1", .bytes = 40000, .hash = Sha256Of("1")},
                           {.name = "data/2/1-2", .bytes = 25000, .hash = Sha256Of("2")}}},
              {.component = "queue", .schema = {.name = "queue", .version = 1}, .as_of = {90}}}};
}

std::string Encoded(const BackupManifest& manifest) {
  absl::StatusOr<std::string> bytes = EncodeManifest(manifest);
  REQUIRE(bytes.ok());
  return *bytes;
}

SegmentPrefix PrefixOf(const BackupManifest& manifest) {
  return {.kind = SegmentKind::kManifest,
          .log = manifest.log,
          .number = manifest.sequence,
          .salt = manifest.salt,
          .epoch = manifest.epoch,
          .first_lsn = {1},
          .durable_lsn = manifest.durable_lsn,
          .history_lsn = manifest.durable_lsn,
          .history = manifest.history,
          .previous = manifest.previous,
          .created = manifest.created};
}

/// A manifest segment with `body`, as a writer without rules would make it.
std::string Stored(const std::string& body, const SegmentPrefix& prefix = PrefixOf(Example())) {
  SegmentWriter writer(prefix);
  REQUIRE(writer
              .Add({.component = "manifest",
                    .schema_version = 1,
                    .time_ns = absl::ToUnixNanos(prefix.created),
                    .payload = body})
              .ok());
  return std::move(writer).Finish();
}

std::string Body(const std::string& bytes) {
  SegmentReader reader = *SegmentReader::Open(bytes, "m");
  return std::string((**reader.Next()).payload);
}

absl::Status Decode(const std::string& bytes) {
  return DecodeManifest(bytes, "manifest-3").status();
}

std::string Message(const absl::Status& status) { return std::string(AsStd(status.message())); }

/// Encodes `manifest` past the rules of EncodeManifest.
template <typename Change>
std::string Against(Change change) {
  format::v1::Manifest body;
  REQUIRE(body.ParseFromString(Body(Encoded(Example()))));
  SegmentPrefix prefix = PrefixOf(Example());
  change(body, prefix);
  return Stored(body.SerializeAsString(), prefix);
}

TEST_CASE("A manifest comes back as it was") {
  const absl::StatusOr<BackupManifest> decoded = DecodeManifest(Encoded(Example()), "m");
  REQUIRE(decoded.ok());
  CHECK(*decoded == Example());
  const BackupManifest empty;
  CHECK(*DecodeManifest(Encoded(empty), "m") == empty);
}

TEST_CASE("The order of components does not change the bytes") {
  BackupManifest turned = Example();
  std::swap(turned.components[0], turned.components[1]);
  CHECK(Encoded(turned) == Encoded(Example()));
}

TEST_CASE("A manifest is one segment with one record") {
  const std::string bytes = Encoded(Example());
  CHECK(SegmentReader::Open(bytes, "m")->prefix().kind == SegmentKind::kManifest);
  CHECK(Stored(Body(bytes)).size() == bytes.size());
  SegmentWriter two({.kind = SegmentKind::kManifest, .first_lsn = {1}});
  CHECK(absl::IsDataLoss(Decode(SegmentWriter({.kind = SegmentKind::kManifest}).Finish())));
  for (int i = 0; i < 2; ++i) {
    REQUIRE(two.Add({.component = "manifest", .schema_version = 1, .payload = Body(bytes)}).ok());
  }
  CHECK_THAT(Message(Decode(std::move(two).Finish())), Catch::Contains("two bodies"));
  for (const RecordView& record :
       {RecordView{.component = "c", .schema_version = 1}, RecordView{.component = "manifest"},
        RecordView{.component = "manifest", .schema_version = 1, .time_ns = 1},
        RecordView{.component = "manifest", .schema_version = 1, .subject = "s"}}) {
    SegmentWriter other({.kind = SegmentKind::kManifest, .first_lsn = {1}});
    REQUIRE(other.Add(record).ok());
    CHECK_THAT(Message(Decode(std::move(other).Finish())),
               Catch::Contains("the record of the manifest is not its body"));
  }
  CHECK_THAT(Message(Decode(SegmentWriter({.kind = SegmentKind::kState}).Finish())),
             Catch::Contains("not a manifest"));
}

TEST_CASE("C4: every flipped bit and every truncation of a manifest is auth_failed") {
  const std::string good = Encoded(Example());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    CAPTURE(bit);
    const absl::Status status = Decode(bad);
    REQUIRE(absl::IsDataLoss(status));
    REQUIRE(FaultOf(status)->place == "manifest-3");
  }
  for (std::size_t length = 0; length < good.size(); ++length) {
    REQUIRE(absl::IsDataLoss(Decode(good.substr(0, length))));
  }
}

TEST_CASE("A required feature that is not known is refused by name") {
  BackupManifest manifest = Example();
  manifest.required_features = {"zones", "erasure"};
  const absl::Status status = Decode(Encoded(manifest));
  CHECK(absl::IsUnimplemented(status));
  CHECK(FaultOf(status)->kind == FaultKind::kVersion);
  CHECK_THAT(Message(status), Catch::Contains("\"erasure\""));
}

TEST_CASE("What a manifest must not say is refused on the way in and on the way out") {
  struct Row {
    const char* what;
    void (*change)(BackupManifest&);
    void (*stored)(format::v1::Manifest&, SegmentPrefix&);
  };
  const Row rows[] = {
      {"sequence", [](auto& m) { m.sequence = 0; }, [](auto&, auto& prefix) { prefix.number = 0; }},
      {"follows an entry", [](auto& m) { m.previous.number = 1; },
       [](auto&, auto& prefix) { prefix.previous.number = 1; }},
      {"follows an entry", [](auto& m) { m.previous.entry = {}; },
       [](auto&, auto& prefix) { prefix.previous.entry = {}; }},
      {"has no number", [](auto& m) { m.previous.number = 0; },
       [](auto&, auto& prefix) { prefix.previous.number = 0; }},
      {"not before it", [](auto& m) { m.before.number = 3; },
       [](auto& m, auto&) { m.set_before_number(3); }},
      {"not before it", [](auto& m) { m.claim.hash = {}; },
       [](auto& m, auto&) { m.clear_claim_hash(); }},
      {"twice", [](auto& m) { m.components[1].component = "graph"; },
       [](auto& m, auto&) { m.mutable_components(1)->set_component("graph"); }},
      {"behind the cut", [](auto& m) { m.as_of = {91}; }, [](auto& m, auto&) { m.set_as_of(91); }},
      {"ahead of what", [](auto& m) { m.durable_lsn = {99}; },
       [](auto&, auto& prefix) { prefix.durable_lsn = prefix.history_lsn = {99}; }},
      {"no name", [](auto& m) { m.components[0].component = ""; },
       [](auto& m, auto&) { m.mutable_components(0)->set_component(""); }},
      {"too long", [](auto& m) { m.components[0].schema.name.assign(129, 's'); },
       [](auto& m, auto&) { m.mutable_components(0)->set_schema_name(std::string(129, 's')); }},
      {"without a name", [](auto& m) { m.components[0].objects[0].name = ""; },
       [](auto& m, auto&) { m.mutable_components(0)->mutable_objects(0)->set_name(""); }},
      {"too long", [](auto& m) { m.components[0].objects[0].name.assign(513, 'k'); },
       [](auto& m, auto&) {
         m.mutable_components(0)->mutable_objects(0)->set_name(std::string(513, 'k'));
       }},
      {"too many features", [](auto& m) { m.required_features.assign(65, "f"); }, nullptr},
      {"not in order",
       [](auto& m) {
         m.required_features = {"f", "f"};
       },
       nullptr},
      {"no name", [](auto& m) { m.required_features = {""}; }, nullptr},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    BackupManifest manifest = Example();
    row.change(manifest);
    const absl::Status refused = EncodeManifest(manifest).status();
    CHECK(absl::IsInvalidArgument(refused));
    CHECK_THAT(Message(refused), Catch::Contains(row.what));
    if (row.stored == nullptr) continue;  // required features are refused whatever they are
    const absl::Status damaged = Decode(Against(row.stored));
    CHECK(absl::IsDataLoss(damaged));
    CHECK_THAT(Message(damaged), Catch::Contains(row.what));
  }
}

TEST_CASE("F6: components that are not in order are refused") {
  CHECK(absl::IsDataLoss(Decode(Against(
      [](format::v1::Manifest& m, auto&) { m.mutable_components()->SwapElements(0, 1); }))));
}

TEST_CASE("The prefix of a manifest says nothing that a manifest does not hold") {
  const std::string body = Body(Encoded(Example()));
  REQUIRE(Decode(Stored(body)).ok());
  const auto with = [&](auto change) {
    SegmentPrefix prefix = PrefixOf(Example());
    change(prefix);
    return Decode(Stored(body, prefix));
  };
  CHECK(absl::IsDataLoss(with([](auto& p) { ++p.history_lsn.value; })));
  CHECK(absl::IsDataLoss(with([](auto& p) { p.history = {}; })));
  CHECK(absl::IsDataLoss(with([](auto& p) { p.seal_salt[0] = 1; })));
}

TEST_CASE("An unknown field is refused, and passed over where a newer version allows it") {
  std::string bytes = Stored(Body(Encoded(Example())) + std::string("\xa0\x01\x05", 3));  // 20: 5
  CHECK_THAT(Message(Decode(bytes)), Catch::Contains("fields that its version does not have"));
  StoreLittle(bytes.data() + format_v1::prefix::kFormatVersion, std::uint16_t{2});
  Rechain(bytes);
  const absl::StatusOr<BackupManifest> manifest = DecodeManifest(bytes, "m");
  REQUIRE(manifest.ok());
  CHECK(*manifest == Example());
}

TEST_CASE(
    "F5: a body that claims more elements than a manifest may have is refused before it is "
    "parsed") {
  std::string body = "\x08\x03";  // the cut, then components of two bytes each
  body.resize(2 + 2 * (kMaxManifestComponents + kMaxManifestObjects + kMaxManifestFeatures + 1));
  for (std::size_t i = 2; i < body.size(); i += 2) {
    body[i] = 0x42;
    body[i + 1] = 0;
  }
  CHECK_THAT(Message(Decode(Stored(body))), Catch::Contains("too many elements"));
}

}  // namespace
}  // namespace dr::test
