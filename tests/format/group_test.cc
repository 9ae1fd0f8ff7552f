#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "dr/log/segment.h"
#include "tests/format/segments.h"

namespace dr::test {
namespace {

namespace at = format_v1::group;

const SegmentPrefix kPrefix = {
    .block_bytes = kBlockBytes, .number = 3, .salt = 0x5a17, .epoch = {2}, .first_lsn = {10}};

/// One block with one record, and its header.
std::string OneGroup(std::string_view payload = "payload") {
  std::string buffer(2 * kBlockBytes, 'x');
  GroupBuilder builder(kPrefix, 0xc4a1);
  builder.Begin(buffer, {10}, {9}, 1000);
  REQUIRE(builder.Add({.component = "c", .time_ns = 1005, .payload = payload}));
  return std::string(builder.Finish());
}

std::optional<GroupHeader> Header(std::string_view bytes) {
  return DecodeGroupHeader(bytes, kPrefix);
}

/// A group with `value` at `offset`, its check and hash made to hold.
template <typename T>
std::string Patched(std::size_t offset, T value) {
  std::string bytes = OneGroup();
  StoreLittle(bytes.data() + offset, value);
  ResealGroup(bytes, 0, bytes.size());
  return bytes;
}

TEST_CASE(
    "P3: a group carries segment number, salt, epoch, first Lsn, durable Lsn and its predecessor's "
    "hash") {
  const std::string group = OneGroup();
  REQUIRE(group.size() == kBlockBytes);
  const std::optional<GroupHeader> header = Header(group);
  REQUIRE(header.has_value());
  CHECK(header->number == 3);
  CHECK(header->salt == 0x5a17);
  CHECK(header->epoch == Epoch{2});
  CHECK(header->first_lsn == Lsn{10});
  CHECK(header->durable_lsn == Lsn{9});
  CHECK(header->previous_hash == 0xc4a1);
  CHECK(header->base_time_ns == 1000);
  CHECK(header->record_count == 1);
  CHECK(header->stored_bytes == kBlockBytes);
  CHECK(header->flags == 0);
  CHECK(VerifyGroup(group, *header));
}

TEST_CASE("A3: a group of another segment, salt or epoch is not this segment's") {
  const std::string group = OneGroup();
  for (int field = 0; field < 3; ++field) {
    SegmentPrefix other = kPrefix;
    if (field == 0) ++other.number;
    if (field == 1) ++other.salt;
    if (field == 2) ++other.epoch.value;
    CAPTURE(field);
    CHECK_FALSE(DecodeGroupHeader(group, other).has_value());
  }
}

TEST_CASE("A header is evidence by itself: every flipped bit of what its check covers is seen") {
  const std::string group = OneGroup();
  for (std::size_t bit = at::kCheck * 8; bit < kGroupHeaderBytes * 8; ++bit) {
    std::string bad = group.substr(0, kGroupHeaderBytes);  // the body is not there
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    CAPTURE(bit);
    REQUIRE_FALSE(Header(bad).has_value());
  }
  CHECK(Header(group.substr(0, kGroupHeaderBytes)).has_value());
}

TEST_CASE("A header that is cut off is none") {
  const std::string group = OneGroup();
  for (std::size_t length = 0; length < kGroupHeaderBytes; ++length) {
    REQUIRE_FALSE(Header(std::string_view(group).substr(0, length)).has_value());
  }
}

TEST_CASE("Zeros are not a group") {
  CHECK_FALSE(DecodeGroupHeader(std::string(kBlockBytes, '\0'), {}).has_value());
}

TEST_CASE("Every flipped bit of a group fails its hash") {
  const std::string group = OneGroup();
  const GroupHeader header = *Header(group);
  for (std::size_t bit = 0; bit < group.size() * 8; ++bit) {
    std::string bad = group;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    const std::optional<GroupHeader> again = Header(bad);
    CAPTURE(bit);
    REQUIRE((!again || !VerifyGroup(bad, *again)));
    if (bit >= at::kHashed * 8) REQUIRE_FALSE(VerifyGroup(bad, header));
  }
}

TEST_CASE("A group of another length than its header says does not verify") {
  const std::string group = OneGroup();
  CHECK_FALSE(VerifyGroup("", *Header(group)));
  CHECK_FALSE(VerifyGroup(group.substr(0, group.size() - 1), *Header(group)));
  CHECK_FALSE(VerifyGroup(group + '\0', *Header(group)));
}

TEST_CASE("Padding that is not zero does not verify, though the hash holds") {
  const GroupHeader header = *Header(OneGroup());
  for (std::size_t i : {kGroupHeaderBytes + std::size_t{header.body_bytes}, kBlockBytes - 1}) {
    const std::string bad = Patched(i, std::uint8_t{1});
    REQUIRE(Header(bad).has_value());
    CHECK_FALSE(VerifyGroup(bad, *Header(bad)));
  }
}

TEST_CASE("F4: lengths, counts and flags out of bounds make no header, though the check holds") {
  for (std::uint32_t hostile : {4001U, 8000U, 0x7fffffffU, 0x80000000U, 0xffffffa0U, 0xffffffffU}) {
    CAPTURE(hostile);
    CHECK_FALSE(Header(Patched(at::kBodyBytes, hostile)).has_value());
    CHECK_FALSE(Header(Patched(at::kRecordCount, hostile)).has_value());
  }
  for (std::uint32_t hostile : {0U, 1U, 96U, 4095U, 8192U, 0x80000000U, 0xfffff000U, 0xffffffffU}) {
    CAPTURE(hostile);
    CHECK_FALSE(Header(Patched(at::kStoredBytes, hostile)).has_value());
  }
  for (std::uint32_t flags : {4U, 0x80000000U, 3U}) {
    CAPTURE(flags);
    CHECK_FALSE(Header(Patched(at::kFlags, flags)).has_value());
  }
  CHECK_FALSE(Header(Patched(at::kFlags, std::uint32_t{kGroupFooter})).has_value());
  CHECK_FALSE(Header(Patched(at::kFirstLsn, ~std::uint64_t{0})).has_value());
  CHECK_FALSE(Header(Patched(at::kReserved, std::uint32_t{1})).has_value());
  CHECK_FALSE(Header(Patched(at::kMagic, std::uint32_t{0})).has_value());
  CHECK_FALSE(
      Header(Patched(at::kPlainBytes, std::uint32_t{1})).has_value());    // nothing made it shorter
  CHECK(Header(Patched(at::kDurableLsn, std::uint64_t{8})).has_value());  // the helper does work
}

TEST_CASE("F4: a footer with other flags, lengths or records is none, though its check holds") {
  for (std::uint32_t block : {1U, 4096U}) {
    SegmentPrefix prefix = kPrefix;
    prefix.block_bytes = block;
    std::string good(2 * kBlockBytes, 'x');
    GroupBuilder builder(prefix, 0);
    builder.Begin(good, {10}, {}, 0);
    builder.FinishFooter();
    const auto accepted = [&](std::size_t offset, std::uint32_t value) {
      std::string bytes = good;
      StoreLittle(bytes.data() + offset, value);
      ResealGroup(bytes, 0, bytes.size());
      return DecodeGroupHeader(bytes, prefix).has_value();
    };
    CAPTURE(block);
    CHECK(accepted(at::kFlags, kGroupFooter));
    CHECK_FALSE(accepted(at::kFlags, kGroupFooter | kGroupContinues));
    CHECK_FALSE(accepted(at::kBodyBytes, 23));
    CHECK_FALSE(accepted(at::kBodyBytes, 25));
    CHECK_FALSE(accepted(at::kRecordCount, 1));
    CHECK(accepted(at::kStoredBytes, kBlockBytes));
    CHECK_FALSE(accepted(at::kStoredBytes, 0));
    CHECK_FALSE(accepted(at::kStoredBytes, 119));
    CHECK(accepted(at::kStoredBytes, 120) == (block == 1));
    CHECK(accepted(at::kStoredBytes, kBlockBytes + 1) == (block == 1));
  }
}

TEST_CASE("No group is longer than kMaxGroupBytes") {
  std::string buffer(kMaxGroupBytes, 'x');
  GroupBuilder builder(kPrefix, 0);
  builder.Begin(buffer, {1}, {}, 0);
  CHECK_FALSE(builder.Add({.payload = std::string(kMaxGroupBytes, 'p')}));
  CHECK(builder.in_record());
  std::string group(builder.Finish());
  REQUIRE(group.size() == kMaxGroupBytes);
  const std::optional<GroupHeader> header = Header(group);
  REQUIRE(header.has_value());
  CHECK(VerifyGroup(group, *header));
  group.resize(kMaxGroupBytes + kBlockBytes);
  StoreLittle(group.data() + at::kStoredBytes, static_cast<std::uint32_t>(group.size()));
  StoreLittle(group.data() + at::kBodyBytes,
              static_cast<std::uint32_t>(group.size() - kGroupHeaderBytes));
  ResealGroup(group, 0, group.size());
  CHECK_FALSE(Header(group).has_value());
}

TEST_CASE("P2: groups start at multiples of the block, whatever lies in the buffer before") {
  const std::string small = OneGroup("");
  const std::string large = OneGroup(std::string(kBlockBytes, 'p'));
  CHECK(small.size() == kBlockBytes);
  CHECK(large.size() == 2 * kBlockBytes);
  for (const std::string& group : {small, large}) {
    const std::optional<GroupHeader> header = Header(group);
    REQUIRE(header.has_value());
    CHECK(VerifyGroup(group, *header));
  }
}

TEST_CASE("An empty group carries a durable Lsn and nothing else") {
  std::string buffer(kBlockBytes, 'x');
  GroupBuilder builder(kPrefix, 0);
  builder.Begin(buffer, {11}, {10}, 0);
  const std::string group(builder.Finish());
  const std::optional<GroupHeader> header = Header(group);
  REQUIRE(header.has_value());
  CHECK(VerifyGroup(group, *header));
  CHECK(header->durable_lsn == Lsn{10});
  RecordReader reader;
  REQUIRE(reader.Begin(group, *header).ok());
  CHECK_FALSE(reader.Next()->has_value());
}

TEST_CASE("A footer reaches to the end of its buffer") {
  for (std::size_t blocks : {1U, 3U, 1024U}) {
    std::string buffer(blocks * kBlockBytes, 'x');
    GroupBuilder builder(kPrefix, 0);
    builder.Begin(buffer, {11}, {10}, 0);
    const std::string footer(builder.FinishFooter());
    CHECK(footer.size() == buffer.size());
    const std::optional<GroupHeader> header = Header(footer);
    REQUIRE(header.has_value());
    CHECK(header->flags == kGroupFooter);
    CHECK(header->stored_bytes == buffer.size());
    CHECK(VerifyGroup(footer, *header));
  }
}

TEST_CASE("Each group is chained to the one before") {
  std::string buffer(kBlockBytes, 'x');
  GroupBuilder builder(kPrefix, 7);
  std::uint64_t previous = 7;
  for (std::uint64_t i = 0; i < 5; ++i) {
    builder.Begin(buffer, {10 + i}, {}, 0);
    REQUIRE(builder.Add({.payload = "p"}));
    const std::optional<GroupHeader> header = Header(builder.Finish());
    REQUIRE(header.has_value());
    CHECK(header->previous_hash == previous);
    CHECK(header->hash == builder.hash());
    previous = header->hash;
  }
}

}  // namespace
}  // namespace dr::test
