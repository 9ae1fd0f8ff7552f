#include "src/log/log_space.h"

#include <catch2/catch.hpp>

#include "tests/support/fails_assertion.h"

namespace dr::test {
namespace {

constexpr std::uint64_t kOpening = 3;  // blocks that are left to the next opening

TEST_CASE("a segment's last prepared block is its footer's") {
  CHECK(UsableBlocks(0, kBlockBytes) == 0);
  CHECK(UsableBlocks(kBlockBytes, kBlockBytes) == 0);
  CHECK(UsableBlocks(2 * kBlockBytes, kBlockBytes) == 0);
  CHECK(UsableBlocks(3 * kBlockBytes, kBlockBytes) == 1);
  CHECK(UsableBlocks(16 * kBlockBytes, kBlockBytes) == 14);
  CHECK(UsableBlocks(16 * kBlockBytes, 15 * kBlockBytes) == 0);
}

TEST_CASE("what is free is prepared, not taken by the open group, and not the next opening's") {
  struct Row {
    PreparedSpace space;
    std::uint64_t free;
  };
  for (const Row& row :
       {Row{{}, 0}, Row{{.live_blocks = 2}, 0}, Row{{.live_blocks = kOpening + 4}, 4},
        Row{{.live_blocks = 4, .spare_blocks = 10}, 14 - kOpening},
        Row{{.live_blocks = 4, .spare_blocks = 10, .open_bytes = 1}, 13 - kOpening},
        Row{{.live_blocks = 4, .spare_blocks = 10, .open_bytes = kBlockBytes}, 13 - kOpening},
        // A group never reaches into the next segment.
        Row{{.live_blocks = 1, .spare_blocks = 10, .open_bytes = 9 * kBlockBytes},
            10 - kOpening}}) {
    CHECK(LogSpace::Free(row.space) == row.free);
  }
}

TEST_CASE("blocks stand behind each promised Lsn and behind large records with their frames") {
  LogSpace space;
  CHECK(space.Reserved({.promised = 5}) == 5);
  space.Admit(1 << 20);
  const std::uint64_t large = LogSpace::BlocksFor(1 << 20);
  CHECK(large * kBlockBytes > (1 << 20) + (1 << 16));
  CHECK(space.Reserved({.promised = 5}) == 5 + large);
  space.Release(1 << 20);
  CHECK(space.Reserved({.promised = 5}) == 5);
  CHECK(LogSpace::BlocksFor(0) == 0);
  CHECK(FailsAssertion("large_bytes_ >= payload_bytes", [&] { space.Release(1); }));
}

TEST_CASE("there is room only beside what is reserved") {
  LogSpace space;
  const PreparedSpace prepared{.live_blocks = kOpening + 10, .promised = 4};
  CHECK(space.HasFree(prepared, 6));
  CHECK_FALSE(space.HasFree(prepared, 7));
  space.Admit(3 * kBlockBytes);
  CHECK_FALSE(space.HasFree(prepared, 2));
}

TEST_CASE("P1: a Lsn within the limit has a block, and no more are under way than the ring has") {
  LogSpace space;
  const PreparedSpace prepared{.live_blocks = kOpening + 10};
  CHECK(space.Limit(prepared, {100}, 64) == Lsn{110});
  CHECK(space.Limit(prepared, {100}, 8) == Lsn{108});
  CHECK(space.Limit({}, {100}, 8) == Lsn{100});
  space.Admit(4096);
  CHECK(space.Limit(prepared, {100}, 64) == Lsn{110 - LogSpace::BlocksFor(4096)});
  space.Admit(1 << 20);
  CHECK(space.Limit(prepared, {100}, 64) == Lsn{100});
}

TEST_CASE("more is prepared until a full ring and the seals behind it have their blocks") {
  const LogSpace space;
  constexpr std::uint64_t kRing = 16;
  std::uint64_t blocks = 0;
  while (space.WantsMore({.live_blocks = blocks}, kRing)) ++blocks;
  CHECK(blocks > kOpening + kRing);
  CHECK_FALSE(space.WantsMore({.spare_blocks = blocks}, kRing));
  CHECK(space.WantsMore({.live_blocks = blocks, .promised = 1}, kRing));
  CHECK_FALSE(space.WantsMore({.live_blocks = blocks + 1, .promised = 1}, kRing));
}

TEST_CASE("what an attempt shows is news once, in both directions") {
  LogSpace space;
  CHECK_FALSE(space.Learn(true));
  CHECK_FALSE(space.exhausted());
  CHECK(space.Learn(false));
  CHECK(space.exhausted());
  CHECK_FALSE(space.Learn(false));
  CHECK(space.Learn(true));
  CHECK_FALSE(space.exhausted());
  CHECK_FALSE(space.Learn(true));
}

}  // namespace
}  // namespace dr::test
