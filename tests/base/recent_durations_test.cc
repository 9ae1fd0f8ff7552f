#include "src/base/recent_durations.h"

#include <catch2/catch.hpp>
#include <chrono>

namespace dr {
namespace {

using std::chrono::nanoseconds;

TEST_CASE("Quantiles are of durations that were there, and of nothing where there were none") {
  RecentDurations durations;
  CHECK(durations.quantiles().max == nanoseconds(0));
  for (int i = 100; i >= 1; --i) durations.Add(nanoseconds(i));
  const RecentDurations::Quantiles of_hundred = durations.quantiles();
  CHECK(of_hundred.p50 == nanoseconds(50));
  CHECK(of_hundred.p99 == nanoseconds(99));
  CHECK(of_hundred.max == nanoseconds(100));
}

TEST_CASE("What is older than the newest 1,024 is forgotten") {
  RecentDurations durations;
  durations.Add(nanoseconds(1'000'000));
  for (int i = 0; i < 1024; ++i) durations.Add(nanoseconds(7));
  CHECK(durations.quantiles().max == nanoseconds(7));
}

}  // namespace
}  // namespace dr
