#include "src/base/turn.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <stop_token>
#include <thread>
#include <vector>

namespace dr {
namespace {

TEST_CASE("One at a time has the turn, whatever the others do") {
  const SystemClock clock;
  Turn turn(clock);
  std::atomic<int> inside = 0, inside_max = 0, had = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        const auto hold = turn.Take({}, "the turn");
        if (!hold.ok()) continue;
        inside_max = std::max(inside_max.load(), ++inside);
        ++had;
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(had == 800);
  CHECK(inside_max == 1);
  CHECK_FALSE(turn.taken());
}

TEST_CASE("Who waits for a turn ends with its context, and says what it waited for") {
  const SystemClock clock;
  Turn turn(clock);
  auto hold = turn.Take({}, "the turn");
  REQUIRE(hold.ok());
  CHECK(turn.taken());
  const absl::Status late =
      turn.Take({.deadline = clock.Now() + std::chrono::milliseconds(5)}, "a checkpoint").status();
  CHECK(absl::IsDeadlineExceeded(late));
  CHECK(AsStd(late.message()).find("a checkpoint") != std::string_view::npos);
  std::stop_source stop;
  absl::Status cancelled;
  std::thread waiter(
      [&] { cancelled = turn.Take({.stop = stop.get_token()}, "a checkpoint").status(); });
  stop.request_stop();
  waiter.join();
  CHECK(absl::IsCancelled(cancelled));
  hold->reset();
  CHECK(turn.Take({}, "the turn").ok());
}

}  // namespace
}  // namespace dr
