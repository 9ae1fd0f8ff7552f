#include "dr/adapter/connection_pool.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "dr/status.h"
#include "dr/testing/sim_clock.h"

namespace dr {
namespace {

struct Line {
  int number = 0;
};

struct Exchange {
  SystemClock clock;
  std::atomic<int> dialed = 0;
  ConnectionPool<Line> pool{2, clock,
                            [this](const Context&) -> absl::StatusOr<std::unique_ptr<Line>> {
                              return std::make_unique<Line>(Line{++dialed});
                            }};
};

TEST_CASE("A connection is used again, unless it was discarded or the idle were closed") {
  Exchange exchange;
  { CHECK((*exchange.pool.Take({}))->number == 1); }
  {
    auto again = exchange.pool.Take({});
    CHECK((*again)->number == 1);
    again->Discard();
  }
  { CHECK((*exchange.pool.Take({}))->number == 2); }
  exchange.pool.CloseIdle();
  CHECK((*exchange.pool.Take({}))->number == 3);
}

TEST_CASE("No more than the bound are out, and who waits gets what comes back") {
  Exchange exchange;
  auto first = exchange.pool.Take({});
  auto second = exchange.pool.Take({});
  const Context soon{.deadline = exchange.clock.Now() + std::chrono::milliseconds(5)};
  CHECK(absl::IsDeadlineExceeded(exchange.pool.Take(soon).status()));
  std::stop_source source;
  source.request_stop();
  CHECK(absl::IsCancelled(exchange.pool.Take({.stop = source.get_token()}).status()));
  std::atomic<int> got = 0;
  std::thread waiting([&] { got = (*exchange.pool.Take({}))->number; });
  {
    auto moved = std::move(*second);
    second = absl::CancelledError();
  }
  waiting.join();
  CHECK(got == 2);
  CHECK(exchange.dialed == 2);
}

TEST_CASE("A dial that fails takes no place") {
  SystemClock clock;
  bool refuses = true;
  ConnectionPool<Line> pool(1, clock, [&](const Context&) -> absl::StatusOr<std::unique_ptr<Line>> {
    if (refuses) return absl::UnavailableError("refused");
    return std::make_unique<Line>();
  });
  for (int i = 0; i < 3; ++i) CHECK(absl::IsUnavailable(pool.Take({}).status()));
  refuses = false;
  CHECK(pool.Take({}).ok());
}

}  // namespace
}  // namespace dr
