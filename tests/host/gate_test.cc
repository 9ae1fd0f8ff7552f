#include "src/host/gate.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>
#include <vector>

namespace dr::test {
namespace {

TEST_CASE("A gate that is closed waits for those inside and lets in no one more") {
  const SystemClock clock;
  Gate gate(clock);
  std::atomic<bool> leave = false, inside = false;
  std::thread visitor([&] {
    const Gate::Visit visit(gate);
    inside = visit.let_in();
    while (!leave) std::this_thread::yield();
  });
  while (!inside) std::this_thread::yield();
  CHECK(absl::IsDeadlineExceeded(
      gate.Close({.deadline = clock.Now() + std::chrono::milliseconds(5)})));
  {
    const Gate::Visit late(gate);
    CHECK_FALSE(late.let_in());
  }
  leave = true;
  CHECK(gate.Close({}).ok());
  visitor.join();
}

TEST_CASE("Who is inside cannot close the gate, which stays open") {
  const SystemClock clock;
  Gate gate(clock);
  {
    const Gate::Visit outer(gate);
    const Gate::Visit inner(gate);
    CHECK(absl::IsFailedPrecondition(gate.Close({})));
  }
  const Gate::Visit next(gate);
  CHECK(next.let_in());
}

TEST_CASE("Any number of callers come and go at once") {
  const SystemClock clock;
  Gate gate(clock);
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 1000; ++round) {
        const Gate::Visit outer(gate), inner(gate);
        if (!outer.let_in() || !inner.let_in()) ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(refused == 0);
  CHECK(gate.Close({}).ok());
}

}  // namespace
}  // namespace dr::test
