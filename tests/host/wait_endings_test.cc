// Every wait that can end by itself (deadline, stop, destruction) against the one that ends it, in
// whatever order threads meet: none of them hangs (O7). DR_LONG_SECONDS says for how long;
// a failure names its seed.

#include <catch2/catch.hpp>
#include <cstdlib>
#include <limits>
#include <memory>
#include <random>
#include <thread>

#include "dr/testing/sim_file_system.h"
#include "fmt/format.h"
#include "tests/host/counter_component.h"
#include "tests/host/small_host.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

std::chrono::seconds LongEnough() {
  const char* seconds = std::getenv("DR_LONG_SECONDS");
  return std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 2);
}

/// What a commit may come back with, when its wait may end at any time and the disk may fill up. On
/// one that fails the space for its Lsn could not be prepared, so that none was taken.
bool IsAnEnding(const absl::Status& status, bool disk_fails) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kResourceExhausted:
      return true;
    case absl::StatusCode::kUnavailable:
      return disk_fails;
    default:
      return false;
  }
}

/// What one thread does until it is told to end.
class Committer {
 public:
  Committer(Counters& a, Counters& b, bool disk_fails, std::uint32_t seed)
      : a_(a), b_(b), disk_fails_(disk_fails), random_(seed) {}

  void Run(const std::atomic<bool>& end) {
    while (!end) {
      std::stop_source stop;
      CommitOptions options = SomeOptions(stop);
      std::thread stopper;
      if (random_() % 4 == 0) {
        const auto after = std::chrono::microseconds(random_() % 2000);
        stopper = std::thread([stop, after]() mutable {
          std::this_thread::sleep_for(after);
          stop.request_stop();
        });
      }
      const absl::Status ended = Once(options);
      if (stopper.joinable()) stopper.join();
      if (!IsAnEnding(ended, disk_fails_)) wrong_ = ended;
      if (absl::IsFailedPrecondition(ended)) return;
    }
  }
  const absl::Status& wrong() const { return wrong_; }
  /// Asynchronous commits, and those of them that were told an outcome.
  std::uint64_t asked() const { return asked_; }
  std::uint64_t told() const { return *told_; }

 private:
  CommitOptions SomeOptions(std::stop_source& stop) {
    CommitOptions options;
    if (random_() % 3 != 0) {
      const auto time = std::chrono::microseconds(10 + random_() % (random_() % 2 ? 100 : 20'000));
      options.context.deadline = SystemClock().Now() + time;
    }
    options.context.stop = stop.get_token();
    if (random_() % 4 == 0) options.durability = Durability::kProcess;
    return options;
  }
  absl::Status Once(const CommitOptions& options) {
    const std::string payload(random_() % 3 == 0 ? random_() % 20'000 : 10, 'p');
    Counters& one = random_() % 2 ? a_ : b_;
    switch (random_() % 5) {
      case 0: {
        std::vector<ComponentCommit> commits;
        for (std::size_t i = 0; i < 2 + random_() % 6; ++i) {
          commits.push_back({random_() % 2 ? &a_ : &b_, payload});
        }
        return CommitAll(commits, options).status();
      }
      case 1:
        return one.AddIf([&] { return payload; }, options).status();
      case 2:
        ++asked_;
        one.AddAsync(payload, [told = told_](absl::StatusOr<Lsn>) { ++*told; });
        return absl::OkStatus();
      default:
        return one.Add(payload, options).status();
    }
  }

  Counters& a_;
  Counters& b_;
  const bool disk_fails_;
  std::mt19937 random_;
  absl::Status wrong_;
  std::uint64_t asked_ = 0;
  std::shared_ptr<std::atomic<std::uint64_t>> told_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);
};

enum class End { kDestroyed, kShutDown, kPoisoned, kFull };

void OneLife(std::uint32_t seed) {
  INFO(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  SimFileSystem disk({.direct = random() % 2 == 0});
  Counters a("a"), b("b");
  HostOptions options;
  options.directory = "agent";
  options.components = {&a, &b};
  options.environment.files = &disk;
  options.log = {.segment_bytes = 256 << 10, .group_bytes = 16 << 10, .ring_capacity = 32};
  options.checkpoint = {.interval = {}, .log_bytes = 128 << 10, .on_shutdown = random() % 2 == 0};
  auto host = Value(Host::Open(std::move(options), {}));
  if (random() % 2 == 0) REQUIRE_OK(host->Start());
  const auto end = static_cast<End>(random() % 4);

  std::vector<Committer> committers;
  committers.reserve(6);
  for (int i = 0; i < 6; ++i) {
    committers.emplace_back(a, b, end == End::kPoisoned, static_cast<std::uint32_t>(random()));
  }
  std::atomic<bool> over = false;
  std::vector<std::thread> threads;
  for (Committer& committer : committers) {
    threads.emplace_back([&] { committer.Run(over); });
  }
  const auto checkpoint = [&] {
    const Context soon{.deadline = SystemClock().Now() + std::chrono::milliseconds(random() % 5)};
    static_cast<void>(host->Checkpoint(CheckpointMode::kFuzzy, soon));
    static_cast<void>(host->Step());
  };
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 8));
    checkpoint();
  }
  if (end == End::kPoisoned) {
    disk.Inject({.nth = 1 + random() % 5, .lasting = Lasting::kForGood, .only = SimCall::kWrite});
  } else if (end == End::kFull) {
    disk.SetCapacity(disk.used_bytes());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    disk.SetCapacity(std::numeric_limits<std::uint64_t>::max());
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(random() % 8));
  if (end == End::kShutDown) {
    static_cast<void>(host->Shutdown(
        {.deadline = SystemClock().Now() + std::chrono::milliseconds(random() % 20)}));
  }
  host.reset();  // waits for the callers that are inside
  over = true;
  for (std::thread& thread : threads) thread.join();
  for (const Committer& committer : committers) {
    CHECK(committer.wrong() == absl::OkStatus());
    CHECK(committer.told() == committer.asked());
  }
}

TEST_CASE("commits of every kind end whatever ends their waits first (K70 K71 K84)") {
  const auto until = SystemClock().Now() + LongEnough();
  const char* first = std::getenv("DR_SEED");
  std::uint32_t seed = first != nullptr ? static_cast<std::uint32_t>(std::atoi(first)) : 1;
  do {
    OneLife(seed++);
  } while (SystemClock().Now() < until);
}

TEST_CASE("batches over groups and segments are applied whole and read back whole (K71 K95)") {
  const std::size_t operations = GENERATE(2, 3, 17, 100);
  const std::size_t bytes = GENERATE(0, 100, 5'000, 70'000, 700'000, 5 << 20);
  if (operations * bytes > (std::size_t{24} << 20)) return;
  SimFileSystem disk;
  const auto open = [&](Counters& a, Counters& b) {
    HostOptions options;
    options.directory = "agent";
    options.components = {&a, &b};
    options.environment.files = &disk;
    options.log = {.segment_bytes = 1 << 20, .group_bytes = 64 << 10, .ring_capacity = 256};
    options.checkpoint = {.interval = {}, .log_bytes = 0, .on_shutdown = false};
    return Value(Host::Open(std::move(options), {}));
  };
  constexpr int kBatches = 3;
  {
    Counters a("a"), b("b");
    auto host = open(a, b);
    const std::string payload(bytes, 'p');
    std::vector<ComponentCommit> commits;
    for (std::size_t i = 0; i < operations; ++i) commits.push_back({i % 2 ? &a : &b, payload});
    for (int batch = 0; batch < kBatches; ++batch) {
      CHECK(Value(CommitAll(commits)).value == (batch + 1) * operations);
      CHECK(a.Total() + b.Total() == (batch + 1) * operations);
    }
  }
  Counters a("a"), b("b");
  auto host = open(a, b);
  CHECK(a.Total() == kBatches * (operations / 2));
  CHECK(a.Total() + b.Total() == kBatches * operations);
}

}  // namespace
}  // namespace dr::test
