#include "src/checkpoint/checkpoint_schedule.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <optional>

#include "dr/testing/sim_clock.h"

namespace dr::test {
namespace {

using std::chrono::seconds;
using LogEnd = CheckpointSchedule::LogEnd;

CheckpointPolicy Policy(seconds interval, std::uint64_t log_bytes, std::uint64_t operations) {
  CheckpointPolicy policy;
  policy.interval = interval;
  policy.log_bytes = log_bytes;
  policy.operations = operations;
  return policy;
}

TEST_CASE("A checkpoint is due when its interval has passed and something has changed") {
  SimClock clock;
  CheckpointSchedule schedule(Policy(seconds(60), 0, 0), clock);
  schedule.Begin(Position{{1}, {10}}, seconds(20));
  CHECK(schedule.Next({.last = {10}}, std::nullopt).is_never());
  CHECK(schedule.Next({.last = {11}}, std::nullopt) == clock.Now() + seconds(40));
  clock.Advance(seconds(15));
  schedule.Tried({.last = {11}});
  CHECK(schedule.Next({.last = {11}}, std::nullopt).is_never());
  CHECK(schedule.Next({.last = {12}}, std::nullopt) == clock.Now() + seconds(60));
}

TEST_CASE("A checkpoint is due at once when the log has grown by as much as the policy says") {
  SimClock clock;
  CheckpointSchedule schedule(Policy(seconds(0), 1000, 5), clock);
  schedule.Begin(std::nullopt, seconds(0));
  CHECK(schedule.Next({.last = {4}, .bytes = 999}, std::nullopt).is_never());
  CHECK(schedule.Next({.last = {4}, .bytes = 1000}, std::nullopt) <= clock.Now());
  CHECK(schedule.Next({.last = {5}, .bytes = 10}, std::nullopt) <= clock.Now());
  schedule.Tried({.last = {5}, .bytes = 1000});
  CHECK(schedule.Next({.last = {9}, .bytes = 1999}, std::nullopt).is_never());
  CHECK(schedule.Next({.last = {10}, .bytes = 1999}, std::nullopt) <= clock.Now());
}

TEST_CASE("A look at the log that a checkpoint has overtaken makes no other one due") {
  SimClock clock;
  CheckpointSchedule schedule(Policy(seconds(60), 1000, 5), clock);
  schedule.Begin(std::nullopt, seconds(0));
  schedule.Tried({.last = {100}, .bytes = 5000});
  CHECK(schedule.Next({.last = {90}, .bytes = 4500}, std::nullopt).is_never());
  // What was not applied yet was left out of the checkpoint, whose bytes counted already.
  schedule.Tried({.last = {80}, .bytes = 5000});
  CHECK(schedule.Next({.last = {84}, .bytes = 4500}, std::nullopt) == clock.Now() + seconds(60));
}

TEST_CASE("A storage may want a checkpoint although nothing has changed") {
  SimClock clock;
  CheckpointSchedule schedule(Policy(seconds(60), 0, 0), clock);
  schedule.Begin(Position{{1}, {10}}, seconds(0));
  CHECK(schedule.Next({.last = {10}}, seconds(5)) == clock.Now() + seconds(5));
  CHECK(schedule.Next({.last = {11}}, seconds(90)) == clock.Now() + seconds(60));
}

TEST_CASE("A clock that was set back makes no checkpoint wait longer than its interval") {
  SimClock clock;
  CheckpointSchedule schedule(Policy(seconds(60), 0, 0), clock);
  schedule.Begin(Position{{1}, {10}}, -seconds(3600));
  CHECK(schedule.Next({.last = {11}}, std::nullopt) == clock.Now() + seconds(60));
  CHECK(schedule.figures().age == seconds(0));
}

TEST_CASE("Checkpoints are counted with what they cost, and one with nothing to write is none") {
  SimClock clock;
  CheckpointSchedule schedule(Policy(seconds(60), 0, 0), clock);
  schedule.Begin(std::nullopt, seconds(0));
  CHECK_FALSE(schedule.figures().age.has_value());
  schedule.Count(absl::UnavailableError("away"));
  CheckpointInfo info;
  schedule.Count(info);
  info.sequence = 1;
  info.position = {{1}, {7}};
  info.pause_max = std::chrono::microseconds(30);
  schedule.Count(info);
  clock.Advance(seconds(9));
  const CheckpointFigures figures = schedule.figures();
  CHECK(figures.taken == 1);
  CHECK(figures.failed == 1);
  CHECK(figures.newest == info.position);
  CHECK(figures.age == seconds(9));
  CHECK(figures.pauses.max == info.pause_max);
}

}  // namespace
}  // namespace dr::test
