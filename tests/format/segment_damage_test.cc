#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "dr/log/segment.h"
#include "dr/status.h"
#include "tests/format/segments.h"

namespace dr::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DR_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define DR_SANITIZED 1
#endif
#endif
#ifdef DR_SANITIZED
constexpr std::size_t kStep = 7;  // a sample: a build with a sanitizer is ten times slower
#else
constexpr std::size_t kStep = 1;
#endif

constexpr std::size_t kBlocks = 16;

/// A sealed log segment of exactly 64 KiB: a prefix, 14 groups and a footer, each of one block,
/// with records that continue from one group to the next.
std::string SealedSegment(std::uint64_t salt = 0x5a17, char fill = 'p') {
  GroupWriter log({.block_bytes = kBlockBytes,
                   .log = {.high = 1, .low = 2},
                   .number = 4,
                   .salt = salt,
                   .epoch = {9},
                   .first_lsn = {1000},
                   .durable_lsn = {999}},
                  kBlockBytes);
  for (std::uint64_t lsn = 1000;
       log.group_offsets.size() < kBlocks - 3 || log.builder().size() < 3500; ++lsn) {
    std::string payload = fmt::format("{:08}", lsn);
    payload.resize(40 + lsn % 160, fill);
    log.Add({.batch_continues = lsn % 7 == 0,
             .component = "component",
             .time_ns = static_cast<std::int64_t>(lsn) * 1000,
             .payload = payload});
  }
  std::string bytes = log.Finish();
  REQUIRE(bytes.size() == kBlocks * kBlockBytes);
  REQUIRE(ReadAll(bytes).ok());
  return bytes;
}

std::string_view Block(std::string_view segment, std::size_t index) {
  return segment.substr(index * kBlockBytes, kBlockBytes);
}

/// What an error about each block must name: the Lsn of the first record that it concerns.
std::vector<Lsn> LsnOfBlocks(const std::string& segment) {
  const absl::StatusOr<SegmentPrefix> prefix = DecodePrefix(segment, "");
  REQUIRE(prefix.ok());
  std::vector<Lsn> lsns = {prefix->first_lsn};
  for (std::size_t i = 1; i < kBlocks; ++i) {
    lsns.push_back(DecodeGroupHeader(Block(segment, i), *prefix)->first_lsn);
  }
  return lsns;
}

/// Empty if reading `bytes` fails as it must; otherwise what is wrong with the failure.
std::string Complaint(std::string_view bytes, std::optional<std::uint64_t> offset,
                      std::optional<Lsn> lsn, FaultKind kind = FaultKind::kWalCorrupt) {
  const absl::Status status = ReadAll(bytes);
  if (status.ok()) return "silent";
  const std::optional<Fault> fault = FaultOf(status);
  if (!absl::IsDataLoss(status) || !fault) return "not a loss of data";
  if (fault->kind != kind || fault->place != "the-segment") return "wrong kind or place";
  if (!fault->offset || (offset && fault->offset != offset)) return "wrong offset";
  if (!fault->lsn || (lsn && fault->lsn != lsn)) return "wrong Lsn";
  return "";
}

TEST_CASE(
    "A4: every single bit of a sealed 64 KiB segment, flipped, is an error with place, offset and "
    "Lsn") {
  const std::string good = SealedSegment();
  const std::vector<Lsn> lsns = LsnOfBlocks(good);
  std::string bad = good;
  std::size_t flips = 0, silent = 0;
  for (std::size_t bit = 0; bit < bad.size() * 8; bit += kStep) {
    const std::size_t byte = bit / 8;
    const auto flip = [&] { bad[byte] = static_cast<char>(bad[byte] ^ (1 << bit % 8)); };
    const bool is_first_lsn =  // then the prefix itself names a wrong one
        byte >= format_v1::prefix::kFirstLsn && byte < format_v1::prefix::kFirstLsn + 8;
    const bool says_other_kind =
        bit == format_v1::prefix::kKind * 8 + 1 || bit == format_v1::prefix::kKind * 8 + 2;
    flip();
    const std::string complaint =
        Complaint(bad, byte / kBlockBytes * kBlockBytes,
                  is_first_lsn ? std::nullopt : std::optional(lsns[byte / kBlockBytes]),
                  says_other_kind ? FaultKind::kAuthFailed : FaultKind::kWalCorrupt);
    flip();
    ++flips;
    if (complaint == "silent") ++silent;
    if (!complaint.empty()) {
      CAPTURE(bit, complaint);
      FAIL_CHECK();
    }
  }
  fmt::print("segment flips: tried={} of {} silent={}\n", flips, good.size() * 8, silent);
  CHECK(silent == 0);
  CHECK(bad == good);
}

TEST_CASE("A4: a sealed segment cut off at any length is an error where the cut is") {
  const std::string good = SealedSegment();
  const std::vector<Lsn> lsns = LsnOfBlocks(good);
  for (std::size_t length = 0; length < good.size(); length += kStep) {
    const absl::Status status = ReadAll(std::string_view(good).substr(0, length));
    CAPTURE(length);
    REQUIRE(absl::IsDataLoss(status));
    const Fault fault = *FaultOf(status);
    REQUIRE(fault.place == "the-segment");
    REQUIRE(fault.offset == (length < kPrefixBytes ? length : length / kBlockBytes * kBlockBytes));
    REQUIRE(fault.lsn ==
            (length < kPrefixBytes ? std::nullopt : std::optional(lsns[length / kBlockBytes])));
    const bool header_is_there = length > kBlockBytes && length % kBlockBytes >= kGroupHeaderBytes;
    if (header_is_there) {
      REQUIRE_THAT(std::string(AsStd(status.message())), Catch::Contains("ends inside a group"));
    }
  }
}

TEST_CASE("A7: any two different 512-byte sectors of a sealed segment, swapped, are an error") {
  constexpr std::size_t kSector = 512;
  const std::string good = SealedSegment();
  std::string bad = good;
  std::size_t swaps = 0;
  for (std::size_t a = 0; a < good.size(); a += kSector) {
    for (std::size_t b = a + kSector; b < good.size(); b += kSector * (kStep / 8 + 1)) {
      if (good.compare(a, kSector, good, b, kSector) == 0) continue;  // zeros and zeros
      const auto swap = [&] { std::swap_ranges(&bad[a], &bad[a] + kSector, &bad[b]); };
      swap();
      const std::string complaint = Complaint(bad, a / kBlockBytes * kBlockBytes, std::nullopt);
      swap();
      CAPTURE(a, b, complaint);
      REQUIRE(complaint.empty());
      ++swaps;
    }
  }
  fmt::print("segment sector swaps: tried={} silent=0\n", swaps);
  CHECK(swaps > 100);
}

TEST_CASE(
    "A7: a block that is zeroed, replaced by any other, taken out or put in twice is an error") {
  const std::string good = SealedSegment();
  const std::vector<Lsn> lsns = LsnOfBlocks(good);
  for (std::size_t a = 0; a < kBlocks; ++a) {
    const std::size_t offset = a * kBlockBytes;
    const auto replaced = [&](std::string_view by) {
      return good.substr(0, offset) + std::string(by) + good.substr(offset + kBlockBytes);
    };
    const std::optional<Lsn> lsn = a == 0 ? std::nullopt : std::optional(lsns[a]);
    CAPTURE(a);
    CHECK(Complaint(replaced(std::string(kBlockBytes, '\0')), offset, std::nullopt) == "");
    CHECK(Complaint(replaced(""), a == 0 ? 0 : offset, std::nullopt) == "");
    const std::string twice = replaced(std::string(Block(good, a)) + std::string(Block(good, a)));
    const bool is_footer = a + 1 == kBlocks;
    CHECK(Complaint(twice, is_footer ? offset : offset + kBlockBytes, std::nullopt) == "");
    for (std::size_t b = 0; b < kBlocks; ++b) {
      if (b == a) continue;
      CAPTURE(b);
      CHECK(Complaint(replaced(Block(good, b)), offset, b == 0 ? std::nullopt : lsn) == "");
    }
  }
}

TEST_CASE("A3: groups of the same place in an older life of the file are an error") {
  const std::string good = SealedSegment();
  const std::string older = SealedSegment(0x01d);
  for (std::size_t a = 1; a < kBlocks; ++a) {
    std::string bad = good;
    bad.replace(a * kBlockBytes, kBlockBytes, Block(older, a));
    CAPTURE(a);
    CHECK(Complaint(bad, a * kBlockBytes, LsnOfBlocks(good)[a]) == "");
  }
}

TEST_CASE(
    "A7: a valid group of the same segment and place, but of another history, breaks the chain") {
  const std::string good = SealedSegment(0x5a17, 'p');
  const std::string other = SealedSegment(0x5a17, 'q');
  const std::vector<Lsn> lsns = LsnOfBlocks(good);
  REQUIRE(LsnOfBlocks(other) == lsns);
  for (std::size_t a = 2; a < kBlocks; ++a) {
    std::string bad = good;
    bad.replace(a * kBlockBytes, kBlockBytes, Block(other, a));
    CAPTURE(a);
    CHECK(Complaint(bad, a * kBlockBytes, lsns[a]) == "");
  }
}

TEST_CASE("A group that does not begin at the next Lsn is an error, though every hash holds") {
  const std::string good = SealedSegment();
  const std::vector<Lsn> lsns = LsnOfBlocks(good);
  for (std::size_t a = 1; a < kBlocks; ++a) {
    std::string bad = good;
    StoreLittle(bad.data() + a * kBlockBytes + format_v1::group::kFirstLsn, lsns[a].value + 1);
    Rechain(bad);
    CAPTURE(a);
    CHECK(Complaint(bad, a * kBlockBytes, lsns[a]) == "");
  }
}

TEST_CASE("Bytes behind the footer are an error") {
  const std::string good = SealedSegment();
  for (const std::string& more :
       {std::string(1, '\0'), std::string(kBlockBytes, '\0'), std::string(Block(good, 1)),
        std::string(Block(good, kBlocks - 1)), good}) {
    CAPTURE(more.size());
    CHECK(Complaint(good + more, good.size() - kBlockBytes, LsnOfBlocks(good).back()) == "");
  }
}

TEST_CASE("Damage in state and manifests is auth_failed, in logs wal_corrupt") {
  for (SegmentKind kind : {SegmentKind::kLog, SegmentKind::kState, SegmentKind::kManifest}) {
    SegmentWriter writer({.kind = kind});
    REQUIRE(writer.Add({.component = "c", .payload = "p"}).ok());
    std::string bytes = std::move(writer).Finish();
    bytes[kPrefixBytes + 4] = static_cast<char>(bytes[kPrefixBytes + 4] ^ 1);
    const std::optional<Fault> fault = FaultOf(ReadAll(bytes));
    REQUIRE(fault.has_value());
    CHECK(fault->kind ==
          (kind == SegmentKind::kLog ? FaultKind::kWalCorrupt : FaultKind::kAuthFailed));
    CHECK_FALSE(fault->next.empty());
  }
}

}  // namespace
}  // namespace dr::test
