// The threads of a host: when they sleep, what wakes them, and what happens where there are none.

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <thread>

#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_file_system.h"
#include "tests/host/counter_component.h"
#include "tests/host/recording.h"
#include "tests/host/small_host.h"
#include "tests/host/threads_of_process.h"
#include "tests/log/log_fixture.h"

#if defined(__has_feature)
#define DR_HAS_FEATURE(feature) __has_feature(feature)
#else
#define DR_HAS_FEATURE(feature) 0
#endif

namespace dr::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

template <typename Condition>
void Await(Condition condition) {
  while (!condition()) std::this_thread::sleep_for(milliseconds(1));
}

std::uint64_t Sleeps() {
  std::uint64_t sum = 0;
  for (const auto& [name, count] : SleepsOfHostThreads()) sum += count;
  return sum;
}

TEST_CASE(
    "the threads of an idle host sleep and are called dr-worker dr-checkpoint dr-watch (K8)") {
  const auto deadline = GENERATE(milliseconds(20), milliseconds(30'000));
  TempDirectory directory;
  Counters counters;
  HostOptions options = Options(directory, {&counters});
  options.checkpoint.interval = milliseconds(30);
  options.callback_deadline = deadline;
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(host->Start());
  REQUIRE_OK(counters.Add("a"));
  Await([&] {
    const Figures figures = host->figures();
    return figures.wal.unsealed_records == 0 && figures.checkpoints == 1;
  });
  // The looks behind the last work: once a quarter of a second passes without, all are asleep.
  std::uint64_t before = Sleeps();
  for (std::uint64_t last = before + 1; last != before;) {
    last = std::exchange(before, Sleeps());
    std::this_thread::sleep_for(milliseconds(250));
    if (Sleeps() == before) break;
  }
  before = Sleeps();
  std::this_thread::sleep_for(seconds(1));
  CHECK(Sleeps() - before <= 2);
  std::vector<std::string> names;
  for (const auto& [name, count] : SleepsOfHostThreads()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"dr-checkpoint", "dr-watch", "dr-worker"});
  // And they are there when something comes.
  REQUIRE_OK(counters.Add("a"));
  Await([&] { return host->figures().checkpoints == 2; });
  std::atomic<bool> told = false;
  counters.AddAsync("a", [&](absl::StatusOr<Lsn>) { told = true; });
  Await([&] { return told.load(); });
  REQUIRE_OK(host->Shutdown());
}

TEST_CASE("each commit behind a rest is sealed whoever made it (K8)") {
  TempDirectory directory;
  Counters a("a"), b("b");
  HostOptions options = Options(directory, {&a, &b});
  options.checkpoint = {.interval = {}, .log_bytes = 0};
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(host->Start());
  for (int i = 0; i < 40; ++i) {
    switch (i % 4) {
      case 0:
        REQUIRE_OK(a.Add("x"));
        break;
      case 1:
        REQUIRE_OK(a.AddIf([] { return "x"; }));
        break;
      case 2:
        a.AddAsync("x", [](absl::StatusOr<Lsn>) {});
        break;
      default:
        REQUIRE_OK(CommitAll(std::vector<ComponentCommit>{{&a, "x"}, {&b, "x"}}));
    }
    // Some arrive while the host is on its way to rest, some when it rests.
    std::this_thread::sleep_for(milliseconds(i));
    if (i % 3 == 0) Await([&] { return host->figures().wal.unsealed_records == 0; });
  }
  Await([&] { return host->figures().wal.unsealed_records == 0; });
  CHECK(a.Total() == 40);
}

TEST_CASE("checkpoints by interval come on time by a clock that a test turns (K8)") {
  SimClock clock;
  TempDirectory directory;
  Counters counters;
  HostOptions options = Options(directory, {&counters});
  options.environment.clock = &clock;
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(host->Start());
  for (std::uint64_t i = 1; i <= 3; ++i) {
    REQUIRE_OK(counters.Add("a"));
    clock.Advance(seconds(9));
    CHECK(host->figures().checkpoints == i - 1);
    clock.Advance(seconds(1));
    Await([&] { return host->figures().checkpoints == i; });
    CHECK(host->figures().checkpoint_age == std::chrono::nanoseconds(0));
    clock.Advance(seconds(60));  // nothing has changed
    CHECK(host->figures().checkpoint_age == seconds(60));
  }
  CHECK(host->figures().checkpoints == 3);
}

TEST_CASE("a commit each millisecond leads to no seal and a pause behind them to one (K97)") {
  SimClock clock;
  SimFileSystem disk;
  Counters counters;
  HostOptions options;
  options.directory = "/state";
  options.components = {&counters};
  options.environment = {.files = &disk, .clock = &clock};
  options.checkpoint = {.interval = {}, .log_bytes = 0};
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(host->Start());
  std::atomic<int> told = 0;
  for (int i = 0; i < 300; ++i) {
    counters.AddAsync("a", [&](absl::StatusOr<Lsn>) { ++told; });
    Await([&] { return told > i; });
    clock.Advance(milliseconds(1));
  }
  CHECK(host->figures().wal.seals == 0);
  clock.Advance(milliseconds(20));
  Await([&] {
    clock.Advance(milliseconds(1));
    return host->figures().wal.unsealed_records == 0;
  });
  CHECK(host->figures().wal.seals == 1);
}

// ---- No threads ---------------------------------------------------------------------------------

TEST_CASE("Start without threads is refused by name and later works (K12 K88)") {
  TempDirectory directory;
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  std::atomic<bool> told = false;
  counters.AddAsync("a", [&](absl::StatusOr<Lsn>) { told = true; });
  {
    const StackBytes none(kNoThreads);
    for (int i = 0; i < 2; ++i) {
      const absl::Status refused = host->Start();
      CHECK(refused.code() == absl::StatusCode::kResourceExhausted);
      INFO(refused.ToString());
      CHECK(AsStd(refused.message()).find("no thread could be made") != std::string_view::npos);
      CHECK(FaultOf(refused)->place == "dr-worker");
    }
  }
  CHECK(SleepsOfHostThreads().empty());
  CHECK_FALSE(told);
  REQUIRE_OK(host->Start());
  Await([&] { return told.load(); });
  REQUIRE_OK(host->Shutdown());
}

TEST_CASE("Start that gets only some of its threads leaves none behind (K88)") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    DR_HAS_FEATURE(address_sanitizer) || DR_HAS_FEATURE(thread_sanitizer)
  WARN("skipped: a sanitizer takes more address space than can be limited");
#else
  TempDirectory directory;
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  rlimit before = {};
  REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages = 0;
  statm >> pages;
  const StackBytes large(64 << 20);  // too large to be kept for the next thread
  std::set<std::string> places;
  absl::Status started;
  for (rlim_t room = 32 << 20;; room += 32 << 20) {
    rlimit less = {.rlim_cur = pages * 4096 + room, .rlim_max = before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_AS, &less) == 0);
    started = host->Start();
    REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
    if (started.ok()) break;
    CHECK(started.code() == absl::StatusCode::kResourceExhausted);
    places.insert(FaultOf(started)->place);
    CHECK(SleepsOfHostThreads().empty());
  }
  CHECK(places == std::set<std::string>{"dr-checkpoint", "dr-watch", "dr-worker"});
  std::atomic<bool> told = false;
  counters.AddAsync("a", [&](absl::StatusOr<Lsn>) { told = true; });
  Await([&] { return told.load(); });
#endif
}

/// Where an Apply waits until the test lets it go.
struct Gate {
  std::atomic<bool> reached = false, open = false;
  void Pass() {
    reached = true;
    while (!open) std::this_thread::sleep_for(milliseconds(1));
  }
};

TEST_CASE(
    "the thread inside a callback that hangs is replaced as soon as one can be made (K80 K88)") {
  TempDirectory directory;
  Counters hangs("hangs"), other("other");
  HostOptions options = Options(directory, {&hangs, &other});
  options.callback_deadline = milliseconds(20);
  options.checkpoint.on_shutdown = false;
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(host->Start());
  Gate gate;
  hangs.before_applying = [&] { gate.Pass(); };
  std::atomic<bool> told = false;
  {
    hangs.AddAsync("a", [](absl::StatusOr<Lsn>) {});
    Await([&] { return gate.reached.load(); });
    const StackBytes none(kNoThreads);
    Await([&] { return host->figures().failed_components.size() == 1; });
    other.AddAsync("b", [&](absl::StatusOr<Lsn>) { told = true; });
    std::this_thread::sleep_for(milliseconds(30));  // some looks that find no thread
    CHECK_FALSE(told);
  }
  Await([&] { return told.load(); });
  gate.open = true;
  REQUIRE_OK(host->Shutdown());
}

}  // namespace
}  // namespace dr::test
