#include "src/log/segment_chain.h"

#include <catch2/catch.hpp>

#include "dr/status.h"
#include "tests/log/segment_values.h"
#include "tests/support/fails_assertion.h"

namespace dr::test {
namespace {

/// Segments 1, 2 … `newest`, ten operations each; the newest has none yet.
struct Fixture {
  explicit Fixture(std::uint64_t newest = 1) {
    while (chain.prefix().number < newest) EnterNext();
  }
  static Lsn FirstOf(std::uint64_t number) { return {10 * number - 9}; }

  void EnterNext(bool continues = false) {
    const std::uint64_t number = chain.prefix().number + 1;
    chain.MakePlaces();
    chain.Append(chain.LiveBlocks() * kBlockBytes);
    chain.MakeReadable(chain.offset());
    chain.Enter(PrefixOf(number, FirstOf(number)), number, continues,
                folder.Spare(number, kSegmentBytes));
  }

  SimFolder folder;
  SegmentChain chain =
      SegmentChain({},
                   {.segment = {.name = SegmentName(1), .prefix = PrefixOf(1, {1})},
                    .file = folder.Spare(1, kSegmentBytes),
                    .offset = kBlockBytes},
                   SpareList(kSegmentBytes, {}, 1));
  const LogPositions positions{{0}, {}};
};

TEST_CASE("groups take places in the newest segment until its footer's block is left") {
  Fixture f;
  CHECK(f.chain.LiveBlocks() == 14);
  CHECK(f.chain.Append(2 * kBlockBytes) == kBlockBytes);
  CHECK(f.chain.Append(12 * kBlockBytes) == 3 * kBlockBytes);
  CHECK(f.chain.LiveBlocks() == 0);
  f.chain.Check();
  CHECK(
      FailsAssertion("bytes <= LiveBlocks() * kBlockBytes", [&] { f.chain.Append(kBlockBytes); }));
}

TEST_CASE("a file that is prepared further takes more groups") {
  Fixture f;
  f.chain.Extend(kSegmentBytes, 4 * kBlockBytes);
  CHECK(f.chain.LiveBlocks() == 18);
  CHECK(FailsAssertion("prepared_bytes == prepared_bytes",
                       [&] { f.chain.Extend(kSegmentBytes, kBlockBytes); }));
}

TEST_CASE("readers see the newest segment up to where a unit ends, and sealed ones whole") {
  Fixture f(2);
  f.chain.Append(2 * kBlockBytes);
  CHECK(Value(f.chain.Locate(2, f.positions)).limit == kBlockBytes);
  f.chain.MakeReadable(3 * kBlockBytes);
  const SegmentExtent newest = Value(f.chain.Locate(2, f.positions));
  CHECK(newest.limit == 3 * kBlockBytes);
  CHECK(newest.newest);
  const SegmentExtent sealed = Value(f.chain.Locate(1, f.positions));
  CHECK(sealed.limit == kSegmentBytes);
  CHECK(sealed.last_lsn == Lsn{10});
  CHECK_FALSE(sealed.newest);
  CHECK(FaultOf(f.chain.Locate(3, f.positions).status())->kind == FaultKind::kWalGap);
  CHECK(FailsAssertion("readable_end_ <= live_.offset", [&] {
    f.chain.MakeReadable(4 * kBlockBytes);
    f.chain.Check();
  }));
  CHECK(FailsAssertion("readable_end_ <= end", [&] { f.chain.MakeReadable(kBlockBytes); }));
}

TEST_CASE("an operation is in the newest segment that begins at or before it") {
  Fixture f(3);
  CHECK(Value(f.chain.SegmentWith({1})) == 1);
  CHECK(Value(f.chain.SegmentWith({10})) == 1);
  CHECK(Value(f.chain.SegmentWith({11})) == 2);
  CHECK(Value(f.chain.SegmentWith({29})) == 3);
  REQUIRE(f.chain.DropBelow(2));
  const absl::Status gone = f.chain.SegmentWith({10}).status();
  CHECK(FaultOf(gone)->kind == FaultKind::kWalGap);
  CHECK(FaultOf(gone)->lsn == Lsn{10});
}

TEST_CASE("a trim keeps what is needed, and the segment in which a needed record begins") {
  Fixture f(3);
  CHECK(f.chain.NeededFrom({10}) == 1);
  CHECK(f.chain.NeededFrom({11}) == 2);
  CHECK(f.chain.NeededFrom({21}) == 3);
  f.EnterNext(true);  // segment 4 begins inside a record of segment 3
  CHECK(f.chain.NeededFrom({31}) == 3);
  CHECK(f.chain.NeededFrom({32}) == 4);
  const std::uint64_t bytes = f.chain.bytes();
  CHECK_FALSE(f.chain.DropBelow(1));
  CHECK(f.chain.DropBelow(3));
  CHECK(f.chain.size() == 2);
  CHECK(f.chain.bytes() == bytes - 2 * kSegmentBytes);
  f.chain.Check();
}

TEST_CASE("a segment that does not follow the one before it is no part of the log") {
  Fixture f(2);
  const auto enters = [&](SegmentPrefix prefix) {
    f.chain.MakePlaces();
    f.chain.Enter(prefix, 0, false, f.folder.Spare(9, kSegmentBytes));
  };
  CHECK(
      FailsAssertion("Follows(live_.segment, sealed_.back())", [&] { enters(PrefixOf(4, {31})); }));
  SegmentPrefix other = PrefixOf(3, {21});
  other.previous.salt = 77;
  CHECK(FailsAssertion("Follows(live_.segment, sealed_.back())", [&] { enters(other); }));
  SegmentPrefix early = PrefixOf(3, {21});
  early.previous.offset = 0;
  f.chain.Append(kBlockBytes);
  CHECK(FailsAssertion("prefix.previous.offset >= live_.offset", [&] { enters(early); }));
}

TEST_CASE("a rotation finds its place among the segments, which was made before") {
  Fixture f;
  for (int i = 0; i < 8; ++i) f.chain.spares().Add(f.folder.Spare(20, kSegmentBytes));
  f.chain.MakePlaces();
  // As many as there are spares, and one more, without another call.
  for (std::uint64_t number = 2; number <= 10; ++number) {
    f.chain.Enter(PrefixOf(number, Fixture::FirstOf(number)), number, false,
                  f.folder.Spare(number, kSegmentBytes));
  }
  CHECK(f.chain.size() == 10);
}

}  // namespace
}  // namespace dr::test
