// What befalls a host from outside its files: clocks, components that come, go and fail, shutdowns
// that have no time.

#include <catch2/catch.hpp>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>

#include "dr/testing/sim_clock.h"
#include "fmt/format.h"
#include "tests/host/counter_component.h"
#include "tests/host/small_host.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

// ---- Clocks -------------------------------------------------------------------------------------

/// Lsns and times of Counters::applied.
struct Place {
  std::uint64_t lsn;
  std::int64_t time_ns;
};
Place PlaceOf(const std::string& applied) {
  std::size_t time_at = 0;
  const std::uint64_t lsn = std::stoull(applied, &time_at);
  return {lsn, std::stoll(applied.substr(time_at))};
}

TEST_CASE(
    "A20: clocks that jump by ten years or to zero change no order, and replay sees the times that "
    "were seen live") {
  const absl::Duration decade = absl::Hours(24 * 3653);
  SimClock clock;
  const std::vector<std::function<void()>> jumps = {
      [&] { clock.JumpWall(decade); },
      [&] { clock.JumpWall(-2 * decade); },
      [&] { clock.JumpWall(absl::UnixEpoch() - clock.WallTime()); },
      [&] { clock.JumpWall(absl::UnixEpoch() - clock.WallTime() - absl::Seconds(1)); },
      [&] { clock.JumpWall(2 * decade); },
      [&] { clock.JumpWall(-absl::Seconds(1)); },  // a leap second
      [&] { clock.Advance(std::chrono::seconds(30)); },
  };
  const bool checkpoints = GENERATE(false, true);
  TempDirectory directory;
  const auto open = [&](Counters& counters) {
    HostOptions options = Options(directory, {&counters});
    options.environment.clock = &clock;
    options.checkpoint = {.interval = std::chrono::seconds(10), .on_shutdown = checkpoints};
    return Value(Host::Open(std::move(options), {}));
  };
  std::vector<std::string> live;
  for (std::size_t life = 0; life < jumps.size(); ++life) {
    Counters counters;
    auto host = open(counters);
    if (checkpoints) {
      CHECK(counters.applied.empty());
    } else {
      CHECK(counters.applied == live);
    }
    counters.applied.clear();
    for (std::size_t i = 0; i < jumps.size(); ++i) {
      REQUIRE_OK(counters.Add("a"));
      REQUIRE_OK(counters.AddIf([] { return "b"; }));
      jumps[(life + i) % jumps.size()]();
      if (checkpoints) REQUIRE_OK(host->Step());
    }
    // A checkpoint is due by the clock that does not jump.
    CHECK(host->figures().checkpoints == (checkpoints ? 1 : 0));
    live.insert(live.end(), counters.applied.begin(), counters.applied.end());
    REQUIRE_OK(host->Shutdown());
  }
  REQUIRE(live.size() == 2 * jumps.size() * jumps.size());
  for (std::size_t i = 0; i < live.size(); ++i) {
    CHECK(PlaceOf(live[i]).lsn == i + 1);
    if (i > 0) CHECK(PlaceOf(live[i]).time_ns >= PlaceOf(live[i - 1]).time_ns);
  }
  CHECK(PlaceOf(live.back()).time_ns > PlaceOf(live.front()).time_ns);
}

// ---- Components that come and go ----------------------------------------------------------------

TEST_CASE(
    "B6: a component that came after the newest checkpoint is in the log, and cannot be left out") {
  TempDirectory directory;
  {
    Counters old("old");
    auto host = Value(Host::Open(Options(directory, {&old}), {}));
    REQUIRE_OK(old.Add("a"));
    REQUIRE_OK(host->Checkpoint());
  }
  {
    Counters old("old"), young("young");
    auto host = Value(Host::Open(Options(directory, {&old, &young}), {}));
    REQUIRE_OK(young.Add("b"));
  }
  {
    Counters old("old");
    const absl::Status refused = Host::Open(Options(directory, {&old}), {}).status();
    REQUIRE(FaultOf(refused).has_value());
    CHECK(FaultOf(refused)->place == "young");
  }
  Counters old("old"), young("young"), unborn("unborn");
  auto host = Value(Host::Open(Options(directory, {&old, &young, &unborn}), {}));
  CHECK(old.Count("a") == 1);
  CHECK(young.Count("b") == 1);
  CHECK(unborn.Total() == 0);
}

TEST_CASE(
    "B6: a component that was retired comes back whole before the next checkpoint, and empty after "
    "it") {
  TempDirectory directory;
  {
    Counters kept("kept"), retired("retired");
    auto host = Value(Host::Open(Options(directory, {&kept, &retired}), {}));
    REQUIRE_OK(retired.Add("a"));
    REQUIRE_OK(host->Checkpoint());
    REQUIRE_OK(kept.Add("x"));
    REQUIRE_OK(retired.Add("b"));
  }
  const auto open_without = [&](Counters& kept, bool declared) {
    HostOptions options = Options(directory, {&kept});
    if (declared) options.recovery.retired = {"retired"};
    return Host::Open(std::move(options), {});
  };
  {
    Counters kept("kept");
    auto host = Value(open_without(kept, true));
    REQUIRE_OK(kept.Add("x"));
  }
  {
    Counters kept("kept"), retired("retired");
    auto host = Value(Host::Open(Options(directory, {&kept, &retired}), {}));
    CHECK(retired.Count("a") == 1);
    CHECK(retired.Count("b") == 1);
    REQUIRE_OK(retired.Add("c"));
  }
  {
    Counters kept("kept");
    auto host = Value(open_without(kept, true));
    // In the log and not yet applied while the checkpoint is taken.
    kept.AddAsync("x", [](absl::StatusOr<Lsn>) {});
    REQUIRE_OK(host->Checkpoint());
    REQUIRE_OK(host->Step());
  }
  {
    Counters kept("kept");
    auto host = Value(open_without(kept, false));
    CHECK(kept.Count("x") == 3);
  }
  Counters kept("kept"), retired("retired");
  auto host = Value(Host::Open(Options(directory, {&kept, &retired}), {}));
  CHECK(retired.Total() == 0);
}

// ---- Shutdown -----------------------------------------------------------------------------------

/// Where SaveState waits until the test lets it go.
struct Gate {
  std::atomic<bool> reached = false, open = false;
  void Pass() {
    reached = true;
    while (!open) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  void AwaitReached() const {
    while (!reached) std::this_thread::yield();
  }
};

TEST_CASE("B7: Shutdown ends by its deadline though a checkpoint hangs, and again later, done") {
  const bool started = GENERATE(false, true);
  TempDirectory directory;
  {
    Counters hangs("hangs"), other("other");
    auto host = Value(Host::Open(Options(directory, {&hangs, &other}), {}));
    if (started) REQUIRE_OK(host->Start());
    REQUIRE_OK(hangs.Add("a"));
    Gate gate;
    hangs.while_saving = [&] { gate.Pass(); };
    std::thread checkpoint([&] { static_cast<void>(host->Checkpoint()); });
    gate.AwaitReached();
    std::atomic<int> told = 0;
    hangs.AddAsync("a", [&](absl::StatusOr<Lsn>) { ++told; });
    REQUIRE_OK(other.Add("b"));
    const SystemClock clock;
    const Context soon{.deadline = clock.Now() + std::chrono::milliseconds(50)};
    CHECK(host->Checkpoint(CheckpointMode::kFuzzy, soon).status().code() ==
          absl::StatusCode::kDeadlineExceeded);
    CHECK(host->Shutdown(soon).code() == absl::StatusCode::kDeadlineExceeded);
    CHECK(host->Shutdown(soon).code() == absl::StatusCode::kDeadlineExceeded);
    CHECK_FALSE(other.Add("late").ok());
    gate.open = true;
    REQUIRE_OK(host->Shutdown());
    checkpoint.join();
    CHECK(told == 1);
    CHECK(host->Shutdown().code() == absl::StatusCode::kFailedPrecondition);
  }
  Counters hangs("hangs"), other("other");
  auto host = Value(Host::Open(Options(directory, {&hangs, &other}), {}));
  CHECK(hangs.Count("a") == 2);
  CHECK(other.Count("b") == 1);
  CHECK(other.Total() == 1);
}

TEST_CASE("B7: a host whose Shutdown ran out of time loses no more than with a kill") {
  TempDirectory directory;
  {
    Counters hangs("hangs");
    auto host = Value(Host::Open(Options(directory, {&hangs}), {}));
    REQUIRE_OK(hangs.Add("a"));
    Gate gate;
    hangs.while_saving = [&] { gate.Pass(); };
    std::thread checkpoint([&] { static_cast<void>(host->Checkpoint()); });
    gate.AwaitReached();
    const Context over{.deadline = Instant::FromNanoseconds(0)};
    CHECK(host->Shutdown(over).code() == absl::StatusCode::kDeadlineExceeded);
    gate.open = true;
    checkpoint.join();
  }
  Counters hangs("hangs");
  auto host = Value(Host::Open(Options(directory, {&hangs}), {}));
  CHECK(hangs.Count("a") == 1);
}

TEST_CASE("B7: Shutdown past its deadline seals nothing, and called again it does") {
  TempDirectory directory;
  Counters counters;
  HostOptions options = Options(directory, {&counters});
  options.checkpoint.on_shutdown = false;
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(counters.Add("a"));
  CHECK(host->Shutdown({.deadline = Instant::FromNanoseconds(0)}).code() ==
        absl::StatusCode::kDeadlineExceeded);
  CHECK(host->figures().wal.unsealed_records == 1);
  REQUIRE_OK(host->Shutdown());
  CHECK(host->figures().wal.unsealed_records == 0);
}

TEST_CASE(
    "B7: threads that commit, checkpoint, step and shut down at once end with all that was "
    "acknowledged") {
  TempDirectory directory;
  std::atomic<std::uint64_t> acknowledged = 0;
  for (int life = 0; life < 6; ++life) {
    Counters counters;
    HostOptions options = Options(directory, {&counters});
    options.checkpoint.operations = 5;
    auto host = Value(Host::Open(std::move(options), {}));
    CHECK(counters.Total() == acknowledged);
    if (life % 2 == 1) REQUIRE_OK(host->Start());
    std::atomic<int> added = 0, down = 0, other_errors = 0;
    const auto ended = [&](const absl::Status& status) {
      if (!status.ok() && status.code() != absl::StatusCode::kFailedPrecondition) ++other_errors;
      return !status.ok();
    };
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        for (bool end = false; !end;) {
          const absl::Status status = counters.Add("a").status();
          if (status.ok()) ++acknowledged, ++added;
          end = ended(status);
        }
      });
      threads.emplace_back([&] {
        while (!ended(host->Checkpoint().status())) continue;
      });
      threads.emplace_back([&] {
        while (!ended(host->Step())) continue;
      });
      threads.emplace_back([&] {
        while (added < 5 && down == 0) std::this_thread::yield();
        const absl::Status shut = host->Shutdown();
        if (shut.ok()) ++down;
        static_cast<void>(ended(shut));
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(down >= 1);
    CHECK(other_errors == 0);
  }
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  CHECK(counters.Total() == acknowledged);
}

// ---- Components that fail -----------------------------------------------------------------------

TEST_CASE(
    "H7: of 1,000 components that fail at random each fails alone, and the log keeps what all were "
    "given") {
  constexpr int kComponents = 1000, kThreads = 4, kRounds = 30;
  TempDirectory directory;
  std::vector<std::unique_ptr<Counters>> components;
  const auto make = [&] {
    components.clear();
    std::vector<StatefulComponent*> pointers;
    for (int i = 0; i < kComponents; ++i) {
      components.push_back(std::make_unique<Counters>(fmt::format("c{}", i)));
      pointers.push_back(components.back().get());
    }
    return pointers;
  };
  std::vector<std::uint64_t> acknowledged(kComponents), tried(kComponents);
  std::vector<bool> failed(kComponents);
  {
    auto host = Value(Host::Open(Options(directory, make()), {}));
    REQUIRE_OK(host->Start());
    // Which of its operations a component fails at, if any.
    std::mt19937 random(7);
    for (auto& component : components) {
      const int last = static_cast<int>(random() % (2 * kRounds));
      component->before_applying = [last, applied = 0]() mutable {
        if (applied++ == last) throw std::runtime_error("at random");
      };
    }
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int round = 0; round < kRounds; ++round) {
          for (int i = t; i < kComponents; i += kThreads) {
            ++tried[i];
            if (components[i]->Add("x").ok()) ++acknowledged[i];
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    const std::vector<std::string> names = host->figures().failed_components;
    for (int i = 0; i < kComponents; ++i) {
      failed[i] = std::find(names.begin(), names.end(), components[i]->id()) != names.end();
    }
    CHECK(names.size() > kComponents / 5);
    CHECK(names.size() < kComponents * 4 / 5);
  }
  auto host = Value(Host::Open(Options(directory, make()), {}));
  for (int i = 0; i < kComponents; ++i) {
    INFO(fmt::format("component {}, failed: {}", i, failed[i]));
    CHECK(failed[i] == (acknowledged[i] < kRounds));
    // The operation at which it failed was logged; none behind it was taken.
    CHECK(components[i]->Total() == acknowledged[i] + (failed[i] ? 1 : 0));
  }
}

}  // namespace
}  // namespace dr::test
