#include "src/log/log_waiters.h"

#include <array>
#include <catch2/catch.hpp>

#include "dr/clock.h"

namespace dr::test {
namespace {

/// Waiters for 1, 5 and 9, in this order.
struct Fixture {
  Fixture() {
    for (Waiter& waiter : waiting) waiters.Add(waiter);
  }
  ~Fixture() {
    waiters.WakeAll();
    waiters.TakeWoken().WakeAll();
  }
  std::array<bool, 3> listed() const {
    return {waiting[0].listed(), waiting[1].listed(), waiting[2].listed()};
  }

  const Context context;
  std::array<Waiter, 3> waiting = {Waiter({1}, context), Waiter({5}, context),
                                   Waiter({9}, context)};
  LogWaiters waiters;
};

TEST_CASE("one thread is woken to lead: the first whose operation is not dispatched") {
  Fixture f;
  f.waiters.WakeLeader({1});
  CHECK(f.listed() == std::array{true, false, true});
  f.waiters.WakeLeader({9});
  CHECK(f.listed() == std::array{true, false, true});
}

TEST_CASE("all are woken whose operation is durable") {
  Fixture f;
  f.waiters.WakeUpTo({0});
  CHECK(f.listed() == std::array{true, true, true});
  f.waiters.WakeUpTo({5});
  CHECK(f.listed() == std::array{false, false, true});
}

TEST_CASE("who waits for anything to change is woken by any change") {
  Fixture f;
  Waiter any({}, f.context);
  f.waiters.Add(any);
  f.waiters.WakeUpTo({0});
  f.waiters.TakeWoken().WakeAll();
  CHECK_FALSE(any.listed());
  CHECK(f.listed() == std::array{true, true, true});
}

TEST_CASE("in trouble all are woken") {
  Fixture f;
  f.waiters.WakeAll();
  CHECK(f.waiters.empty());
  CHECK(f.listed() == std::array{false, false, false});
}

TEST_CASE("who is woken sleeps no more, and who has left is not woken") {
  Fixture f;
  f.waiters.Remove(f.waiting[0]);
  f.waiters.WakeUpTo({5});
  f.waiters.TakeWoken().WakeAll();
  CHECK(f.waiting[1].Sleep(SystemClock()));
  CHECK(f.listed() == std::array{false, false, true});
}

}  // namespace
}  // namespace dr::test
