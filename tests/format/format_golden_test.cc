// What format version 1 is, as files. They are never changed: a build that reads them otherwise has
// broken every log and backup in the world. `format_test "[write-golden]"` writes those of a
// version for the first time.
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "dr/log/segment.h"
#include "dr/repository/manifest.h"
#include "tests/format/repository_bodies.h"
#include "tests/format/segments.h"

namespace dr::test {
namespace {

const std::string kFolder = DR_SOURCE_DIR "/tests/format/golden/v1/";

std::string Read(const std::string& name) {
  std::ifstream in(kFolder + name, std::ios::binary);
  CAPTURE(name);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Golden {
  std::string name;
  std::vector<std::string> segments;
};

constexpr LogId kLog = {.high = 0x0123456789abcdef, .low = 0xfedcba9876543210};
constexpr std::int64_t kTime = 1'700'000'000'000'000'000;

/// As a log writes it: blocks, a batch, a durable Lsn in an empty group, a footer.
Golden Log() {
  GroupWriter log({.block_bytes = kBlockBytes,
                   .log = kLog,
                   .number = 2,
                   .salt = 0x1122334455667788,
                   .epoch = {7},
                   .first_lsn = {101},
                   .durable_lsn = {100},
                   .previous = {.number = 1,
                                .salt = 0x8877665544332211,
                                .offset = 65536,
                                .hash = 0xa1a2a3a4a5a6a7a8,
                                .last_lsn = {100}},
                   .created = absl::FromUnixNanos(kTime)},
                  kBlockBytes);
  log.Add({.component = "inventory", .schema_version = 1, .time_ns = kTime, .payload = "bolt+3"});
  log.Add({.kind = OperationKind::kTransition,
           .batch_continues = true,
           .component = "account.a",
           .schema_name = "account",
           .schema_version = 300,
           .time_ns = kTime + 127,
           .payload = "-100"});
  log.Add({.kind = OperationKind::kTask,
           .component = "account.b",
           .schema_name = "account",
           .schema_version = 300,
           .time_ns = kTime + 128,
           .payload = "+100"});
  log.EmptyGroup({103});
  log.Add({.kind = OperationKind::kMarker, .time_ns = kTime + 1'000'000'000, .payload = ""});
  return {"log", {log.Finish()}};
}

/// As a snapshot writes it.
Golden State() {
  SegmentWriter writer({.kind = SegmentKind::kState,
                        .log = kLog,
                        .epoch = {7},
                        .first_lsn = {1},
                        .created = absl::FromUnixNanos(kTime)});
  for (int i = 0; i < 3; ++i) {
    REQUIRE(writer
                .Add({.component = "inventory",
                      .schema_version = 1,
                      .subject = i == 1 ? "customer-17" : "",
                      .payload = fmt::format("key-{}=value", i)})
                .ok());
  }
  return {"state", {std::move(writer).Finish()}};
}

BackupManifest ManifestValue() {
  return {.sequence = 5,
          .log = kLog,
          .salt = 0xa1a2a3a4a5a6a7a8,
          .epoch = {7},
          .as_of = {90},
          .durable_lsn = {104},
          .history = {.high = 0xe1, .low = 0xe2},
          .previous = {.number = 4,
                       .salt = 0xb1b2b3b4b5b6b7b8,
                       .last_lsn = {80},
                       .epoch = {6},
                       .entry = Sha256Of("entry 4")},
          .before = {3, Sha256Of("entry 3")},
          .claim = {2, Sha256Of("entry 2")},
          .created = absl::FromUnixNanos(kTime + 1),
          .last_time = absl::FromUnixNanos(kTime),
          .components = {{.component = "account.a",
                          .schema = {.name = "account", .version = 300},
                          .as_of = {104},
                          .digest = {.high = 0xc1, .low = 0xc2},
                          .records = 2,
                          .bytes = 20,
                          .objects = {{.name = "data/7/1-1", .bytes = 400, .hash = Sha256Of("1")},
                                      {.name = "data/7/1-2", .bytes = 300, .hash = Sha256Of("2")}}},
                         {.component = "inventory",
                          .schema = {.name = "inventory", .version = 1},
                          .as_of = {90}}}};
}

Golden Manifest() {
  const absl::StatusOr<std::string> bytes = EncodeManifest(ManifestValue());
  REQUIRE(bytes.ok());
  return {"manifest", {*bytes}};
}

/// Records over groups and over segments, in their headers too; subjects; a batch over both.
Golden Continued() {
  std::string payload;
  for (int i = 0; i < 400; ++i) payload += static_cast<char>('a' + i % 26);
  GroupWriter log({.log = kLog, .salt = 1, .epoch = {7}, .first_lsn = {1}}, 2 * kGroupHeaderBytes);
  log.Add({.batch_continues = true,
           .component = "journal",
           .schema_version = 2,
           .subject = "customer-17",
           .time_ns = kTime,
           .payload = payload});
  log.EndGroup();
  log.Add({.batch_continues = true,
           .component = "journal",
           .schema_version = 2,
           .time_ns = kTime + 5,
           .payload = std::string(60, 'x')});
  const RecordView split{.kind = OperationKind::kCallResult,
                         .component = "journal",
                         .schema_name = "journal.entries",
                         .schema_version = 2,
                         .subject = "customer-18",
                         .time_ns = kTime + 6,
                         .payload = payload};
  REQUIRE_FALSE(log.AddPart(split));
  std::vector<std::string> segments = {log.NextSegment(2)};
  log.Add(split);
  log.Add({.kind = OperationKind::kYield, .component = "agent", .time_ns = kTime + 7});
  segments.push_back(log.Finish());
  return {"continued", segments};
}

std::vector<Golden> AllGolden() {
  return {Log(),
          State(),
          Manifest(),
          Continued(),
          {"claim", {EncodeClaim(ClaimOfEveryField()).value()}},
          {"catalog", {EncodeCatalog(CatalogOfEveryField()).value()}}};
}

std::string FileName(const Golden& golden, std::size_t index) {
  return fmt::format("{}-{}.segment", golden.name, index + 1);
}

std::string Text(const std::vector<std::string>& segments) {
  const absl::StatusOr<std::vector<std::string>> lines = ReadLog(segments);
  REQUIRE(lines.ok());
  return fmt::format("{}\n", fmt::join(*lines, "\n"));
}

TEST_CASE("C18: golden segments of version 1 decode to exactly what they did") {
  for (const Golden& golden : AllGolden()) {
    CAPTURE(golden.name);
    std::vector<std::string> segments;
    for (std::size_t i = 0; i < golden.segments.size(); ++i) {
      segments.push_back(Read(FileName(golden, i)));
    }
    CHECK(Text(segments) == Read(golden.name + ".txt"));
    if (segments.size() == 1) CHECK(ReadAll(segments[0]).ok());
  }
}

TEST_CASE("C18: the golden manifest of version 1 decodes to exactly what it was") {
  const absl::StatusOr<BackupManifest> manifest = DecodeManifest(Read("manifest-1.segment"), "m");
  REQUIRE(manifest.ok());
  CHECK(*manifest == ManifestValue());
}

TEST_CASE("C18: the golden claim and catalog of version 1 decode to exactly what they were") {
  CHECK(DecodeClaim(Read("claim-1.segment"), "c").value() == ClaimOfEveryField());
  CHECK(DecodeCatalog(Read("catalog-1.segment"), "c").value() == CatalogOfEveryField());
}

TEST_CASE("Writers write the bytes of the golden segments") {
  for (const Golden& golden : AllGolden()) {
    for (std::size_t i = 0; i < golden.segments.size(); ++i) {
      CAPTURE(golden.name, i);
      CHECK((golden.segments[i] == Read(FileName(golden, i))));
    }
  }
}

TEST_CASE("The golden segments are written", "[.write-golden]") {
  for (const Golden& golden : AllGolden()) {
    for (std::size_t i = 0; i < golden.segments.size(); ++i) {
      std::ofstream(kFolder + FileName(golden, i), std::ios::binary) << golden.segments[i];
    }
    std::ofstream(kFolder + golden.name + ".txt", std::ios::binary) << Text(golden.segments);
  }
}

}  // namespace
}  // namespace dr::test
