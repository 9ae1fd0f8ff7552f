// Waiting for the signals of a shutdown, while others come.

#include "dr/signal.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "dr/clock.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

TEST_CASE("a wait for a shutdown is not ended by other signals nor by a time in the past (K54)") {
  sigset_t before = {};
  REQUIRE(pthread_sigmask(SIG_SETMASK, nullptr, &before) == 0);
  struct sigaction handled = {}, old = {};
  handled.sa_handler = [](int) {};
  REQUIRE(sigaction(SIGUSR1, &handled, &old) == 0);
  const ShutdownSignals signals = Value(ShutdownSignals::Block());
  CHECK_FALSE(signals.WaitFor(std::chrono::nanoseconds(-1)).has_value());

  const pthread_t waiter = pthread_self();
  std::atomic<bool> over = false;
  std::thread storm([&] {
    while (!over) {
      pthread_kill(waiter, SIGUSR1);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  const SystemClock clock;
  const Instant start = clock.Now();
  const bool came = signals.WaitFor(std::chrono::milliseconds(60)).has_value();
  const auto waited = clock.Now() - start;
  pthread_kill(waiter, SIGTERM);
  const std::optional<int> signal = signals.WaitFor(std::chrono::nanoseconds::max());
  over = true;
  storm.join();
  CHECK_FALSE(came);
  CHECK(waited >= std::chrono::milliseconds(60));
  CHECK(signal == SIGTERM);
  REQUIRE(sigaction(SIGUSR1, &old, nullptr) == 0);
  REQUIRE(pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
}

}  // namespace
}  // namespace dr::test
