#include "src/log/group_encoder.h"

#include <catch2/catch.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "dr/testing/sim_clock.h"
#include "tests/log/segment_values.h"
#include "tests/support/fails_assertion.h"

namespace dr::test {
namespace {

constexpr std::size_t kGroupBytes = 2 * kBlockBytes;

struct Fixture {
  const SegmentPrefix prefix = PrefixOf(1, {1});
  SimClock clock;
  GroupEncoder encoder = GroupEncoder(GroupBuilder(prefix, 7),
                                      LogTime(clock, 0, LogTime::Trust::kTimes), {}, kGroupBytes);

  GroupHeader HeaderOf(const GroupWrite& write) const {
    const std::optional<GroupHeader> header = DecodeGroupHeader(write.bytes(), prefix);
    REQUIRE(header.has_value());
    CHECK(VerifyGroup(write.bytes(), *header));
    return *header;
  }
};

TEST_CASE("a group goes to the place it is given, chained to the one before") {
  Fixture f;
  CHECK_FALSE(f.encoder.open());
  CHECK(f.encoder.size() == 0);
  std::uint64_t previous = 7;
  for (std::uint64_t lsn = 1; lsn <= 4; ++lsn) {
    f.encoder.Open(kSegmentBytes, {lsn}, {lsn - 1}, 5);
    CHECK(f.encoder.Add({{.lsn = {lsn}, .component = "c", .time_ns = 5, .payload = "p"}}));
    CHECK(f.encoder.record_count() == 1);
    GroupWrite write = f.encoder.Close(lsn * kBlockBytes);
    CHECK(write.offset == lsn * kBlockBytes);
    CHECK(write.size == kBlockBytes);
    const GroupHeader header = f.HeaderOf(write);
    CHECK(header.first_lsn == Lsn{lsn});
    CHECK(header.durable_lsn == Lsn{lsn - 1});
    CHECK(std::exchange(previous, header.hash) == header.previous_hash);
    f.encoder.GiveBack(std::move(write.buffer));
  }
}

TEST_CASE("there are buffers for two groups in flight and the one behind them, and no more") {
  Fixture f;
  std::vector<GroupWrite> writes;
  for (std::uint64_t lsn = 1; lsn <= GroupsInFlight::kMax + 1; ++lsn) {
    f.encoder.Open(kSegmentBytes, {lsn}, {0}, 5);
    writes.push_back(f.encoder.Close(lsn * kBlockBytes));
  }
  CHECK(FailsAssertion("!free_.empty()", [&] { f.encoder.Open(kSegmentBytes, {9}, {0}, 5); }));
  for (GroupWrite& write : writes) f.encoder.GiveBack(std::move(write.buffer));
  CHECK(FailsAssertion("free_.size() < kBuffers",
                       [&] { f.encoder.GiveBack(AlignedBuffer(kGroupBytes)); }));
}

TEST_CASE("a group is as long as the room that there is, and a record goes on in the next") {
  Fixture f;
  const std::string payload(kBlockBytes, 'x');
  const LogEntry record{{.lsn = {1}, .component = "c", .time_ns = 5, .payload = payload}};
  f.encoder.Open(kBlockBytes, {1}, {0}, 5);
  CHECK_FALSE(f.encoder.Add(record));
  CHECK(f.encoder.full());
  CHECK(f.encoder.in_record());
  CHECK(f.encoder.Close(kBlockBytes).size == kBlockBytes);
  CHECK_FALSE(f.encoder.full());
  f.encoder.Open(kSegmentBytes, {1}, {0}, 5);
  CHECK(f.encoder.Add(record));
  CHECK_FALSE(f.encoder.in_record());
}

TEST_CASE("a record is in the history when all of it is encoded, a batch when its last record is") {
  Fixture f;
  const std::string payload(kBlockBytes, 'x');
  LogEntry large{{.lsn = {1}, .batch_continues = true, .time_ns = 5, .payload = payload},
                 DigestOf(payload)};
  f.encoder.Open(kBlockBytes, {1}, {0}, 5);
  CHECK_FALSE(f.encoder.Add(large));
  CHECK(f.encoder.history() == Digest{});
  GroupWrite write = f.encoder.Close(kBlockBytes);
  f.encoder.Open(kSegmentBytes, {1}, {0}, 5);
  CHECK(f.encoder.Add(large));
  const Digest first = HistoryOf(large.record, large.payload_digest);
  CHECK(f.encoder.history() == first);
  CHECK(f.encoder.unit_history() == Digest{});
  const LogEntry last{{.lsn = {2}, .time_ns = 5, .payload = "p"}, DigestOf("p")};
  CHECK(f.encoder.Add(last));
  Digest both = first;
  both += HistoryOf(last.record, last.payload_digest);
  CHECK(f.encoder.history() == both);
  CHECK(f.encoder.unit_history() == both);
}

TEST_CASE("a record has the time at which it is first encoded, one look at the clock for many") {
  Fixture f;
  std::int64_t now_ns = 0;
  RecordView first, second, timed{.time_ns = 1};
  f.encoder.FixTime(first, now_ns);
  f.clock.Advance(std::chrono::seconds(1));
  f.encoder.FixTime(second, now_ns);
  CHECK(first.time_ns == now_ns);
  CHECK(second.time_ns == now_ns);
  f.encoder.FixTime(timed, now_ns);
  CHECK(timed.time_ns == now_ns);  // times never decrease
  const std::string payload(kBlockBytes, 'x');
  RecordView large{.lsn = {1}, .component = "c", .time_ns = now_ns, .payload = payload};
  f.encoder.Open(kBlockBytes, {1}, {0}, now_ns);
  CHECK_FALSE(f.encoder.Add({large}));
  large.time_ns = 77;
  f.encoder.FixTime(large, now_ns);
  CHECK(large.time_ns == 77);
}

TEST_CASE("a footer closes the segment, and the next group is of the one behind it") {
  Fixture f;
  AlignedBuffer block(kBlockBytes);
  const std::uint64_t hash = f.encoder.CloseSegment(block.span(), {1}, {0});
  const std::optional<GroupHeader> footer =
      DecodeGroupHeader({block.data(), block.size()}, f.prefix);
  REQUIRE(footer.has_value());
  CHECK((footer->flags & kGroupFooter) != 0);
  CHECK(footer->hash == hash);
  const SegmentPrefix next = PrefixOf(2, {1});
  f.encoder.NextSegment(next, 9);
  f.encoder.Open(kSegmentBytes, {1}, {0}, 5);
  const GroupWrite write = f.encoder.Close(kBlockBytes);
  CHECK_FALSE(DecodeGroupHeader(write.bytes(), f.prefix));
  CHECK(DecodeGroupHeader(write.bytes(), next)->previous_hash == 9);
}

TEST_CASE("one group is open at a time, and none where a segment ends") {
  Fixture f;
  CHECK(FailsAssertion("open()", [&] { f.encoder.Close(0); }));
  f.encoder.Open(kSegmentBytes, {1}, {0}, 5);
  CHECK(FailsAssertion("!open()", [&] { f.encoder.Open(kSegmentBytes, {1}, {0}, 5); }));
  AlignedBuffer block(kBlockBytes);
  CHECK(FailsAssertion("!open()", [&] { f.encoder.CloseSegment(block.span(), {1}, {0}); }));
}

}  // namespace
}  // namespace dr::test
