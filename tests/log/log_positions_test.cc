#include "src/log/log_positions.h"

#include <catch2/catch.hpp>

#include "tests/support/fails_assertion.h"

namespace dr::test {
namespace {

TEST_CASE("a log that was opened has all positions at its last operation") {
  const LogPositions positions({7}, {});
  positions.Check();
  for (const Lsn position : {positions.recorded(), positions.durable(), positions.dispatched(),
                             positions.unit(), positions.staged(), positions.allowed()}) {
    CHECK(position == Lsn{7});
  }
  CHECK(positions.promised() == 0);
}

TEST_CASE("an operation goes from allowed to staged, dispatched, durable and recorded") {
  LogPositions positions({0}, {});
  positions.Allow({3});
  CHECK(positions.promised() == 3);
  positions.Stage(true);
  positions.Check();
  CHECK(positions.staged() == Lsn{1});
  CHECK(positions.promised() == 2);
  CHECK(positions.dispatched() == Lsn{0});
  positions.Dispatch();
  CHECK(positions.dispatched() == Lsn{1});
  positions.Acknowledge({1}, {}, {0});
  CHECK(positions.durable() == Lsn{1});
  CHECK(positions.recorded() == Lsn{0});
  positions.Record({1});
  positions.Check();
  CHECK(positions.recorded() == Lsn{1});
}

TEST_CASE("a batch is dispatched when its last operation is staged, and not before") {
  LogPositions positions({0}, {});
  positions.Allow({4});
  positions.Stage(true);
  positions.Stage(false);
  positions.Stage(false);
  positions.Dispatch();
  CHECK(positions.staged() == Lsn{3});
  CHECK(positions.dispatched() == Lsn{1});
  positions.Stage(true);
  positions.Dispatch();
  CHECK(positions.dispatched() == Lsn{4});
  positions.Check();
}

TEST_CASE("positions never go back") {
  LogPositions positions({5}, {});
  positions.Allow({4});
  positions.Record({4});
  positions.Acknowledge({3}, {}, {2});
  CHECK(positions.allowed() == Lsn{5});
  CHECK(positions.recorded() == Lsn{5});
  CHECK(positions.durable() == Lsn{5});
}

TEST_CASE("positions that do not stand in their order end the process") {
  LogPositions positions({0}, {});
  SECTION("durable, and never dispatched") {
    CHECK(FailsAssertion("durable <= dispatched_", [&] {
      positions.Acknowledge({1}, {}, {0});
      positions.Check();
    }));
  }
  SECTION("recorded, and not durable") {
    CHECK(FailsAssertion("recorded_ <= durable", [&] {
      positions.Record({1});
      positions.Check();
    }));
  }
  SECTION("staged, and there was no space for it") {
    CHECK(FailsAssertion("staged_ <= allowed_", [&] {
      positions.Stage(true);
      positions.Check();
    }));
  }
}

TEST_CASE("nothing is dispatched by a log that is poisoned, though what is on the disk counts") {
  LogPositions positions({0}, {});
  positions.Allow({2});
  positions.Stage(true);
  positions.Dispatch();
  positions.Poison();
  positions.Acknowledge({1}, {}, {0});
  positions.Check();
  CHECK(positions.durable() == Lsn{1});
  CHECK(FailsAssertion("!poisoned_at_", [&] { positions.Dispatch(); }));
  CHECK(FailsAssertion("!poisoned_at_", [&] { positions.Poison(); }));
}

}  // namespace
}  // namespace dr::test
