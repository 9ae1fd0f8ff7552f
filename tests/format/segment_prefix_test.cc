#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "dr/log/segment.h"
#include "dr/status.h"
#include "tests/format/segments.h"

namespace dr::test {
namespace {

namespace at = format_v1::prefix;

SegmentPrefix EveryField() {
  return {.kind = SegmentKind::kState,
          .block_bytes = kBlockBytes,
          .log = {.high = 0x1111222233334444, .low = 0x5555666677778888},
          .number = 7,
          .salt = 0x9999aaaabbbbcccc,
          .epoch = {12},
          .first_lsn = {1001},
          .durable_lsn = {998},
          .history_lsn = {1001},
          .history = {.high = 0x0123456789abcdef, .low = 0xfedcba9876543210},
          .previous = {.number = 6,
                       .salt = 0xdddd,
                       .offset = 8192,
                       .hash = 0xeeee,
                       .last_lsn = {1000},
                       .epoch = {11},
                       .entry = Sha256Of("the entry before")},
          .created = absl::FromUnixNanos(1234567890123456789)};
}

/// `value` stored at `offset` of a prefix whose hash holds all the same.
template <typename T>
std::string Patched(std::size_t offset, T value, SegmentPrefix prefix = {}) {
  std::string bytes = EncodePrefix(prefix);
  StoreLittle(bytes.data() + offset, value);
  ResealPrefix(bytes);
  return bytes;
}

absl::Status Decode(std::string_view bytes) { return DecodePrefix(bytes, "wal/7").status(); }

TEST_CASE("A prefix comes back with every field") {
  const SegmentPrefix prefix = EveryField();
  const std::string bytes = EncodePrefix(prefix);
  REQUIRE(bytes.size() == kBlockBytes);
  const absl::StatusOr<SegmentPrefix> decoded = DecodePrefix(bytes, "wal/7");
  REQUIRE(decoded.ok());
  CHECK(Describe(*decoded) == Describe(prefix));
  CHECK(EncodePrefix(*decoded) == bytes);
  CHECK(EncodePrefix({}).size() == kPrefixBytes);
}

TEST_CASE("What is behind a prefix is not looked at") {
  CHECK(Decode(EncodePrefix({}) + "anything").ok());
}

TEST_CASE("A flipped bit of a prefix is damage, never a new version") {
  const std::string good = EncodePrefix(EveryField());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    const absl::Status status = Decode(bad);
    CAPTURE(bit);
    REQUIRE(status.code() == absl::StatusCode::kDataLoss);
    REQUIRE(FaultOf(status)->place == "wal/7");
    REQUIRE(FaultOf(status)->lsn.has_value());
  }
}

TEST_CASE("A prefix that is cut off is refused at every length") {
  const std::string good = EncodePrefix(EveryField());
  for (std::size_t length = 0; length < good.size(); ++length) {
    CAPTURE(length);
    REQUIRE(absl::IsDataLoss(Decode(std::string_view(good).substr(0, length))));
  }
}

TEST_CASE("An unknown minimum reader version, codec or suite is named with what is known") {
  std::string newer = Patched(at::kMinReaderVersion, std::uint16_t{3});
  StoreLittle(newer.data() + at::kFormatVersion, std::uint16_t{4});
  newer[at::kKind] = 9;  // whatever else that version says
  ResealPrefix(newer);
  const auto message = [](const std::string& bytes) {
    const absl::Status status = Decode(bytes);
    REQUIRE(absl::IsUnimplemented(status));
    REQUIRE(FaultOf(status)->kind == FaultKind::kVersion);
    return std::string(AsStd(status.message()));
  };
  using Catch::Contains;
  CHECK_THAT(message(newer), Contains("format version 4 needs a reader of version 3") &&
                                 Contains("reads versions 1 to 1"));
  CHECK_THAT(message(Patched(at::kCodec, std::uint8_t{9})), Contains("codec 9 found, known is 0"));
  CHECK_THAT(message(Patched(at::kSuite, std::uint8_t{2})), Contains("suite 2 found, known is 0"));
}

TEST_CASE("A newer version that allows this reader is read, its additions passed over") {
  std::string newer = Patched(at::kFormatVersion, std::uint16_t{2});
  newer[at::kReserved1] = 1;
  newer[at::kReserved2 + 3] = 1;
  ResealPrefix(newer);
  const absl::StatusOr<SegmentPrefix> prefix = DecodePrefix(newer, "wal/7");
  REQUIRE(prefix.ok());
  CHECK(prefix->format_version == 2);
  CHECK(prefix->min_reader_version == 1);
}

TEST_CASE("A prefix whose hash holds and whose fields do not is refused") {
  CHECK(absl::IsDataLoss(Decode(Patched(at::kFormatVersion, std::uint16_t{0}))));
  CHECK(absl::IsDataLoss(Decode(Patched(at::kMinReaderVersion, std::uint16_t{0}))));
  CHECK(absl::IsDataLoss(Decode(Patched(at::kMinReaderVersion, std::uint16_t{2}))));
  CHECK(absl::IsDataLoss(Decode(Patched(at::kKind, std::uint8_t{0}))));
  CHECK(absl::IsDataLoss(Decode(Patched(at::kKind, std::uint8_t{6}))));
  for (std::uint32_t block : {0U, 2U, 512U, 8192U, 0x80000000U, 0xffffffffU}) {
    CAPTURE(block);
    CHECK(absl::IsDataLoss(Decode(Patched(at::kBlockBytes, block))));
  }
  for (std::size_t i = at::kReserved1; i < at::kLogHigh; ++i) {  // the version of keys, too
    CHECK(absl::IsDataLoss(Decode(Patched(i, std::uint8_t{1}))));
  }
  for (std::size_t i = at::kSealSalt; i < kPrefixBytes; ++i) {  // and what a seal has
    CHECK(absl::IsDataLoss(Decode(Patched(i, std::uint8_t{1}))));
  }
  for (std::size_t i : {kPrefixBytes, kBlockBytes - 1}) {
    CHECK(absl::IsDataLoss(Decode(Patched(i, std::uint8_t{1}, {.block_bytes = kBlockBytes}))));
  }
}

TEST_CASE("Whatever version a prefix was read with, this build's is written") {
  SegmentPrefix prefix{.format_version = 9, .min_reader_version = 9};
  CHECK(EncodePrefix(prefix) == EncodePrefix({}));
}

}  // namespace
}  // namespace dr::test
