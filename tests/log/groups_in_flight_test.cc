#include "src/log/groups_in_flight.h"

#include <catch2/catch.hpp>
#include <utility>

#include "dr/log/segment.h"
#include "tests/support/fails_assertion.h"

namespace dr::test {
namespace {

GroupInFlight Group(std::uint64_t block, Lsn last) {
  GroupInFlight group{.unit = last, .last = last, .records = 1};
  group.write = {block * kBlockBytes, kBlockBytes, AlignedBuffer(kBlockBytes)};
  return group;
}

TEST_CASE("two groups are in flight, and go in the order in which they came") {
  GroupsInFlight groups;
  CHECK(groups.empty());
  const std::size_t first = groups.Add(Group(1, {1})), second = groups.Add(Group(2, {2}));
  CHECK(groups.full());
  CHECK(groups.waiting() == first);
  const GroupWrite one = groups.Take(first), two = groups.Take(second);
  CHECK_FALSE(groups.waiting());
  groups.SetWritten(second);
  groups.Check();
  CHECK_FALSE(groups.oldest_written());
  CHECK(FailsAssertion("oldest_written()", [&] { groups.Remove(); }));
  groups.SetWritten(first);
  REQUIRE(groups.oldest_written());
  CHECK(groups.oldest().last == Lsn{1});
  groups.Remove();
  REQUIRE(groups.oldest_written());
  CHECK(groups.oldest().last == Lsn{2});
  groups.Remove();
  groups.Check();
  CHECK(groups.empty());
}

TEST_CASE("a buffer that is being written is its thread's alone (K79)") {
  GroupsInFlight groups;
  const std::size_t slot = groups.Add(Group(1, {1}));
  GroupWrite write = groups.Take(slot);
  CHECK(write.bytes().size() == kBlockBytes);
  CHECK(groups.oldest().write.buffer.size() == 0);
  CHECK(groups.oldest().write.end() == 2 * kBlockBytes);
  groups.Check();
  CHECK(FailsAssertion("state == State::kWaiting", [&] { groups.Take(slot); }));
  groups.SetWritten(slot);
  groups.Check();
}

TEST_CASE("a group for which there was no room waits again, with the same bytes") {
  GroupsInFlight groups;
  const std::size_t slot = groups.Add(Group(1, {1}));
  GroupWrite write = groups.Take(slot);
  const char* const bytes = write.bytes().data();
  CHECK_FALSE(groups.IsWaiting(slot));
  groups.PutBack(slot, std::move(write));
  groups.Check();
  CHECK(groups.IsWaiting(slot));
  CHECK(groups.waiting() == slot);
  CHECK(groups.Take(slot).bytes().data() == bytes);
}

TEST_CASE("a third group, one without bytes and one in another place end the process") {
  GroupsInFlight groups;
  CHECK(FailsAssertion("group.write.size > 0", [&] { groups.Add({}); }));
  groups.Add(Group(1, {1}));
  CHECK(FailsAssertion("oldest().write.end() == newest.group.write.offset", [&] {
    groups.Add(Group(3, {2}));
    groups.Check();
  }));
  CHECK(FailsAssertion("oldest().unit <= newest.group.unit", [&] {
    groups.Add(Group(2, {0}));
    groups.Check();
  }));
  groups.Add(Group(2, {2}));
  CHECK(FailsAssertion("!full()", [&] { groups.Add(Group(3, {3})); }));
}

}  // namespace
}  // namespace dr::test
