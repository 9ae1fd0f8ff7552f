#include "dr/log/segment.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "dr/status.h"
#include "tests/format/segments.h"

namespace dr::test {
namespace {

const SegmentPrefix kPrefix = {.kind = SegmentKind::kState, .epoch = {3}, .first_lsn = {5}};

TEST_CASE("A segment without records is a prefix and a footer") {
  const std::string bytes = SegmentWriter(kPrefix).Finish();
  std::vector<std::string> records;
  REQUIRE(ReadAll(bytes, &records).ok());
  CHECK(records.empty());
  CHECK(bytes.size() == kPrefixBytes + 2 * kGroupHeaderBytes);
}

TEST_CASE("Records get dense Lsns from the prefix on, over all groups") {
  SegmentWriter writer(kPrefix);
  const std::string payload(10'000, 'p');
  for (int i = 0; i < 100; ++i) REQUIRE(writer.Add({.component = "c", .payload = payload}).ok());
  const std::string bytes = std::move(writer).Finish();
  const absl::StatusOr<SegmentReader> opened = SegmentReader::Open(bytes, "s");
  REQUIRE(opened.ok());
  CHECK(Describe(opened->prefix()) == Describe(kPrefix));
  SegmentReader reader = *opened;
  for (std::uint64_t lsn = 5; lsn < 105; ++lsn) {
    const auto record = reader.Next();
    REQUIRE(record.ok());
    REQUIRE(record->has_value());
    CHECK((*record)->lsn == Lsn{lsn});
    CHECK((*record)->payload == payload);
  }
  CHECK_FALSE(reader.Next()->has_value());
  CHECK_FALSE(reader.Next()->has_value());
}

TEST_CASE("The size of a segment is known while it grows") {
  SegmentWriter writer(kPrefix);
  std::size_t last = writer.size();
  for (std::size_t i = 0; i < 3000; ++i) {
    REQUIRE(writer.Add({.component = "c", .payload = std::string(i % 97, 'p')}).ok());
    REQUIRE(writer.size() > last);
    last = writer.size();
  }
  const std::string bytes = std::move(writer).Finish();
  CHECK(bytes.size() > last);
  CHECK(bytes.size() <= last + 2 * kGroupHeaderBytes);
}

TEST_CASE("A writer that was moved goes on") {
  SegmentWriter first(kPrefix);
  REQUIRE(first.Add({.component = "c", .payload = "one"}).ok());
  SegmentWriter second = std::move(first);
  REQUIRE(second.Add({.component = "c", .payload = "two"}).ok());
  std::vector<std::string> records;
  REQUIRE(ReadAll(std::move(second).Finish(), &records).ok());
  CHECK(records.size() == 2);
}

TEST_CASE("A segment that was not sealed is incomplete, not empty") {
  GroupWriter log({.block_bytes = kBlockBytes, .first_lsn = {1}}, kBlockBytes);
  log.Add({.component = "c", .payload = "p"});
  log.EndGroup();
  const absl::Status status = ReadAll(log.bytes());
  CHECK(absl::IsDataLoss(status));
  CHECK_THAT(std::string(AsStd(status.message())), Catch::Contains("without a footer"));
  CHECK(FaultOf(status)->lsn == Lsn{2});
}

TEST_CASE("The same records make the same bytes") {
  const auto build = [] {
    SegmentWriter writer(kPrefix);
    for (int i = 0; i < 5000; ++i) {
      REQUIRE(writer.Add({.component = "c", .time_ns = i, .payload = std::to_string(i)}).ok());
    }
    return std::move(writer).Finish();
  };
  CHECK(build() == build());
}

TEST_CASE("Footer counts that do not hold are refused, though every hash does") {
  namespace footer = format_v1::footer;
  SegmentWriter writer(kPrefix);
  REQUIRE(writer.Add({.component = "c", .payload = "p"}).ok());
  const std::string good = std::move(writer).Finish();
  const std::size_t offset = good.size() - 2 * kGroupHeaderBytes;
  for (std::size_t field : {footer::kGroups, footer::kRecords, footer::kLastLsn}) {
    for (std::uint64_t value : {std::uint64_t{0}, std::uint64_t{2}, ~std::uint64_t{0}}) {
      std::string bad = good;
      StoreLittle(bad.data() + offset + kGroupHeaderBytes + field, value);
      ResealGroup(bad, offset, 2 * kGroupHeaderBytes);
      CAPTURE(field, value);
      CHECK(absl::IsDataLoss(ReadAll(bad)));
    }
  }
}

}  // namespace
}  // namespace dr::test
