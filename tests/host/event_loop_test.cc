// A runtime with a loop of its own: what it polls, and when it calls Step.

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "dr/adapter/memory_store.h"
#include "dr/testing/sim_clock.h"
#include "tests/host/borrowed_registry.h"
#include "tests/host/counter_component.h"
#include "tests/host/small_host.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

using std::chrono::milliseconds;

/// A loop that does nothing but what the host asks for.
struct Loop {
  Host& host;
  int fd = Value(host.descriptor());
  int steps = 0;
  SystemClock clock = {};

  /// Sleeps until the host asks, no longer than `most`, and does what it asks for. False: it asked
  /// for nothing.
  bool Turn(milliseconds most) {
    const Instant due = host.next_deadline();
    const Instant end = clock.Now() + most;
    const auto left = std::min(due, end) - clock.Now();
    pollfd polled = {.fd = fd, .events = POLLIN, .revents = 0};
    const int timeout = left.count() <= 0 ? 0 : static_cast<int>(left / milliseconds(1)) + 1;
    const bool readable = poll(&polled, 1, timeout) == 1;
    if (!readable && clock.Now() < due) return false;
    ++steps;
    REQUIRE_OK(host.Step());
    return true;
  }
  template <typename Condition>
  void Until(Condition condition) {
    const Instant end = clock.Now() + std::chrono::seconds(60);
    while (!condition()) {
      Turn(milliseconds(1000));
      REQUIRE(clock.Now() < end);
    }
  }
  /// Until the host has nothing more to ask for.
  void ToRest() {
    while (Turn(milliseconds(100))) REQUIRE(steps < 10'000);
  }
};

TEST_CASE("a loop that steps when it is asked to misses nothing and is not asked in vain (K9)") {
  TempDirectory directory;
  Counters counters;
  HostOptions options = Options(directory, {&counters});
  options.checkpoint = {.interval = milliseconds(200), .log_bytes = 0};
  auto host = Value(Host::Open(std::move(options), {}));
  Loop loop{*host};
  CHECK(Value(host->descriptor()) == loop.fd);
  loop.ToRest();
  CHECK(loop.steps <= 1);
  CHECK(host->next_deadline().is_never());

  int told = 0;
  for (int i = 0; i < 5; ++i) {
    counters.AddAsync("a", [&](absl::StatusOr<Lsn> lsn) { told += lsn.ok() ? 1 : 100; });
  }
  loop.Until([&] { return told == 5; });
  CHECK(loop.steps <= 3);
  loop.Until([&] { return host->figures().wal.unsealed_records == 0; });
  loop.Until([&] { return host->figures().checkpoints == 1; });
  loop.ToRest();
  CHECK(loop.steps <= 12);

  // Of another thread, synchronous, and noticed all the same.
  loop.steps = 0;
  std::thread([&] { REQUIRE(counters.Add("b").ok()); }).join();
  CHECK(host->figures().wal.unsealed_records == 1);
  loop.Until([&] { return host->figures().wal.unsealed_records == 0; });
  loop.Until([&] { return host->figures().checkpoints == 2; });
  loop.ToRest();
  CHECK(loop.steps <= 10);
  CHECK(host->figures().wal.seals <= 3);
  REQUIRE_OK(host->Shutdown());
  CHECK(host->next_deadline().is_never());
  CHECK(host->descriptor().status().code() == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("threads that commit at once to a host with a loop are all told (K9)") {
  TempDirectory directory;
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  Loop loop{*host};
  std::atomic<int> told = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        counters.AddAsync("a", [&](absl::StatusOr<Lsn>) { ++told; });
        if (i % 10 == 0) std::this_thread::sleep_for(milliseconds(1));
      }
    });
  }
  loop.Until([&] { return told == 400; });
  for (std::thread& thread : threads) thread.join();
  CHECK(counters.Total() == 400);
  loop.Until([&] { return host->figures().wal.unsealed_records == 0; });
}

TEST_CASE("the next deadline is that of the policy by the environment's clock (K9)") {
  SimClock clock;
  MemoryStore memory(1 << 20, clock);
  Counters counters;
  auto host = Value(Host::Open({.repository = kBorrowed,
                                .components = {&counters},
                                .durability = Durability::kProcess,
                                .environment = {.clock = &clock}},
                               Borrowed(memory)));
  static_cast<void>(Value(host->descriptor()));
  CHECK(host->next_deadline().is_never());
  REQUIRE_OK(counters.Add("a"));
  CHECK(host->next_deadline() == clock.Now() + milliseconds(10));
  clock.Advance(milliseconds(10));
  CHECK(host->next_deadline() == clock.Now() + (std::chrono::seconds(10) - milliseconds(10)));
  clock.Advance(std::chrono::seconds(10));
  CHECK(host->next_deadline() <= clock.Now());
  REQUIRE_OK(host->Step());
  CHECK(host->figures().checkpoints == 1);
  CHECK(host->next_deadline().is_never());
}

TEST_CASE("a forked child is refused the descriptor and takes nothing from it (K9)") {
  TempDirectory directory;
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  Loop loop{*host};
  loop.ToRest();
  bool told = false;
  counters.AddAsync("a", [&](absl::StatusOr<Lsn>) { told = true; });
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    const bool refused = !host->descriptor().ok() && host->next_deadline().is_never() &&
                         !host->Step().ok() && host->figures().operations == 0 &&
                         !host->Shutdown().ok();
    host.reset();
    _exit(refused ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  loop.Until([&] { return told; });
}

}  // namespace
}  // namespace dr::test
