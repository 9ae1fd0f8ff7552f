#include "src/checkpoint/checkpointer.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "dr/testing/sim_clock.h"

namespace dr::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Takes what it is told to take.
class FakeStorage final : public CheckpointStorage {
 public:
  absl::Status status() const override { return poisoned; }
  CheckpointSchedule::LogEnd log_end() const override { return {Lsn{last.load()}, 0}; }
  std::optional<std::chrono::nanoseconds> checkpoint_anyway() const override { return anyway; }
  absl::StatusOr<CheckpointInfo> Take(const Context& context) override {
    ++takes;
    inside_max = std::max(inside_max.load(), ++inside);
    while (hangs && !context.stop.stop_requested()) std::this_thread::yield();
    --inside;
    if (context.stop.stop_requested()) return absl::CancelledError("given up");
    if (!result.ok()) return result;
    CheckpointInfo info;
    info.sequence = static_cast<std::uint64_t>(takes);
    info.position = {{1}, {last}};
    return info;
  }
  std::optional<Position> checkpointed() const override { return std::nullopt; }

  absl::Status poisoned, result;
  std::optional<std::chrono::nanoseconds> anyway;
  std::atomic<std::uint64_t> last = 0;
  std::atomic<bool> hangs = false;
  std::atomic<int> takes = 0, inside = 0, inside_max = 0;
};

class Heard final : public Observer {
 public:
  void OnEvent(const Event& event) noexcept override { kinds.push_back(event.kind); }
  std::vector<EventKind> kinds;
};

CheckpointPolicy EveryMinute() {
  CheckpointPolicy policy;
  policy.interval = seconds(60);
  policy.log_bytes = 0;
  policy.operations = 0;
  return policy;
}

struct Place {
  SimClock clock;
  FakeStorage storage;
  Heard heard;
  Bell bell;
  Checkpointer checkpointer{EveryMinute(), clock, &heard, storage, bell, seconds(0)};
};

TEST_CASE("A checkpointer takes one when it is due, and tells the observer") {
  Place place;
  place.checkpointer.TakeIfDue({});
  CHECK(place.storage.takes == 0);
  place.storage.last = 5;
  place.clock.Advance(seconds(61));
  place.checkpointer.TakeIfDue({});
  place.checkpointer.TakeIfDue({});
  CHECK(place.storage.takes == 1);
  CHECK(place.heard.kinds == std::vector{EventKind::kCheckpoint});
  CHECK(place.checkpointer.figures().taken == 1);
  CHECK(place.checkpointer.figures().newest == Position{{1}, {5}});
}

TEST_CASE("One that fails is an event, counts, and is tried again an interval later") {
  Place place;
  place.storage.last = 5;
  place.storage.result = absl::UnavailableError("away");
  CHECK(absl::IsUnavailable(place.checkpointer.Take({}).status()));
  CHECK(place.heard.kinds == std::vector{EventKind::kCheckpointFailed});
  CHECK(place.checkpointer.figures().failed == 1);
  place.storage.last = 6;
  CHECK(place.checkpointer.Next() == place.clock.Now() + seconds(60));
}

TEST_CASE("One that is due gives way to a stop without having failed") {
  Place place;
  place.storage.last = 5;
  place.storage.hangs = true;
  place.clock.Advance(seconds(61));
  std::stop_source stop;
  std::thread taker([&] { place.checkpointer.TakeIfDue({.stop = stop.get_token()}); });
  while (place.storage.inside == 0) std::this_thread::yield();
  CHECK(place.checkpointer.under_way());
  stop.request_stop();
  taker.join();
  CHECK_FALSE(place.checkpointer.under_way());
  CHECK(place.heard.kinds.empty());
  CHECK(place.checkpointer.figures().failed == 0);
}

TEST_CASE("Checkpoints come one at a time, and who waits for one heeds its context") {
  Place place;
  place.storage.last = 5;
  place.storage.hangs = true;
  std::thread taker([&] { static_cast<void>(place.checkpointer.Take({})); });
  while (place.storage.inside == 0) std::this_thread::yield();
  std::stop_source stopped;
  stopped.request_stop();
  const Context over{.stop = stopped.get_token()};
  CHECK(absl::IsCancelled(place.checkpointer.Take(over).status()));
  CHECK(absl::IsCancelled(place.checkpointer.Await(over)));
  CHECK(absl::IsDeadlineExceeded(
      place.checkpointer.Await({.deadline = place.clock.Now() + -milliseconds(1)})));
  CHECK(absl::IsCancelled(place.checkpointer.InTurn(over, [] { return absl::OkStatus(); })));
  place.storage.hangs = false;
  taker.join();
  CHECK(place.checkpointer.Await({}).ok());
  CHECK(place.storage.takes == 1);
  CHECK(place.storage.inside_max == 1);
}

TEST_CASE("A storage that accepts nothing any more is not asked for a checkpoint") {
  Place place;
  place.storage.last = 5;
  place.storage.poisoned = absl::FailedPreconditionError("poisoned");
  place.clock.Advance(seconds(61));
  place.checkpointer.TakeIfDue({});
  CHECK(place.storage.takes == 0);
}

}  // namespace
}  // namespace dr::test
