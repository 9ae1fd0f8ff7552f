#include "dr/host.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <stdexcept>
#include <thread>

#include "dr/testing/sim_clock.h"
#include "fmt/format.h"
#include "tests/host/counter_component.h"
#include "tests/host/small_host.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

TEST_CASE("What was committed is there after the host is gone, checkpoint or not") {
  TempDirectory directory;
  {
    Counters counters;
    auto host = Value(Host::Open(Options(directory, {&counters}), {}));
    CHECK(Value(counters.Add("a")).value == 1);
    CHECK(counters.Count("a") == 1);
  }
  {
    Counters counters;
    auto host = Value(Host::Open(Options(directory, {&counters}), {}));
    CHECK(counters.Count("a") == 1);
    CHECK(host->figures().replayed == 1);
    CHECK(Value(host->Checkpoint()).components_written == 1);
    REQUIRE_OK(counters.Add("b"));
    REQUIRE_OK(host->Shutdown());
    CHECK(counters.Add("c").status().code() == absl::StatusCode::kFailedPrecondition);
  }
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  CHECK(counters.Count("a") == 1);
  CHECK(counters.Count("b") == 1);
  CHECK(host->figures().replayed == 0);
}

TEST_CASE("A component without a host refuses to commit") {
  Counters counters;
  CHECK(counters.Add("a").status().code() == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("P14: 16 threads see the same sequence of positions and times live and in replay") {
  TempDirectory directory;
  std::vector<std::string> live;
  {
    Counters counters;
    auto host = Value(Host::Open(Options(directory, {&counters}), {}));
    REQUIRE_OK(host->Start());
    std::vector<std::thread> threads;
    for (int t = 0; t < 16; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 50; ++i) {
          static_cast<void>(
              counters.Add(fmt::format("{}-{}", t, i),
                           {.durability = i % 3 == 0 ? Durability::kProcess : Durability::kLocal}));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    live = counters.applied;
    CHECK(live.size() == 800);
    CHECK(host->figures().operations == 800);
    REQUIRE_OK(counters.Add("last"));
    live = counters.applied;
  }
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  CHECK(counters.applied == live);
}

TEST_CASE("P9: CommitIf decides on what all earlier operations led to") {
  TempDirectory directory;
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        absl::StatusOr<Lsn> lsn = counters.AddIf([&]() -> absl::StatusOr<std::string> {
          if (counters.Total() >= 100) return absl::AbortedError("enough");
          return "x";
        });
        if (!lsn.ok()) ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(counters.Total() == 100);
  CHECK(refused == 60);
}

TEST_CASE("P11: a batch over two components is applied by both and replayed whole") {
  TempDirectory directory;
  {
    Counters a("a"), b("b");
    auto host = Value(Host::Open(Options(directory, {&a, &b}), {}));
    for (int i = 0; i < 10; ++i) {
      const ComponentCommit batch[] = {{&a, "out"}, {&b, "in"}};
      CHECK(Value(CommitAll(batch)).value == 2u * (i + 1));
      CHECK(a.Count("out") == b.Count("in"));
    }
  }
  Counters a("a"), b("b");
  auto host = Value(Host::Open(Options(directory, {&a, &b}), {}));
  CHECK(a.Count("out") == 10);
  CHECK(b.Count("in") == 10);
}

TEST_CASE("Asynchronous commits are completed by Step, and by the threads after Start") {
  TempDirectory directory;
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  std::atomic<int> done = 0;
  for (int i = 0; i < 10; ++i) {
    counters.AddAsync("a", [&](absl::StatusOr<Lsn> lsn) { done += lsn.ok() ? 1 : 100; });
  }
  CHECK(done == 0);
  REQUIRE_OK(host->Step());
  CHECK(done == 10);
  CHECK(counters.Count("a") == 10);
  REQUIRE_OK(host->Start());
  for (int i = 0; i < 10; ++i) {
    counters.AddAsync("a", [&](absl::StatusOr<Lsn> lsn) { done += lsn.ok() ? 1 : 100; });
  }
  while (done < 20) std::this_thread::yield();
  CHECK(counters.Count("a") == 20);
}

TEST_CASE("P13: a component that has state but was not given is named, unless it is retired") {
  TempDirectory directory;
  {
    Counters a("a"), b("b");
    auto host = Value(Host::Open(Options(directory, {&a, &b}), {}));
    REQUIRE_OK(b.Add("x"));
    REQUIRE_OK(a.Add("y"));
  }
  {
    Counters a("a");
    absl::Status refused = Host::Open(Options(directory, {&a}), {}).status();
    CHECK(refused.code() == absl::StatusCode::kFailedPrecondition);
    CHECK(FaultOf(refused)->place == "b");
  }
  Counters a("a");
  HostOptions options = Options(directory, {&a});
  options.recovery.retired = {"b"};
  auto host = Value(Host::Open(std::move(options), {}));
  CHECK(a.Count("y") == 1);
}

TEST_CASE("A18: a second host on the directory is told who has it") {
  TempDirectory directory;
  Counters one, two;
  auto host = Value(Host::Open(Options(directory, {&one}), {}));
  absl::Status busy = Host::Open(Options(directory, {&two}), {}).status();
  CHECK(busy.code() == absl::StatusCode::kUnavailable);
  CHECK(AsStd(busy.message()).find(std::to_string(getpid())) != std::string_view::npos);
}

TEST_CASE("P9: an instance is attached once") {
  TempDirectory directory;
  Counters counters;
  { auto host = Value(Host::Open(Options(directory, {&counters}), {})); }
  CHECK(FaultOf(Host::Open(Options(directory, {&counters}), {}).status())->kind ==
        FaultKind::kUsage);
}

TEST_CASE(
    "B4, B8: checkpoints under load cut each component where it is, and nothing counts twice") {
  TempDirectory directory;
  constexpr std::uint64_t kEach = 300;
  {
    Counters a("a"), b("b");
    auto host = Value(Host::Open(Options(directory, {&a, &b}), {}));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (std::uint64_t i = 0; i < kEach; ++i) {
          static_cast<void>((t % 2 == 0 ? a : b).Add(std::to_string(t)));
        }
      });
    }
    while (a.Total() + b.Total() < 4 * kEach) REQUIRE_OK(host->Checkpoint());
    for (std::thread& thread : threads) thread.join();
  }
  Counters a("a"), b("b");
  auto host = Value(Host::Open(Options(directory, {&a, &b}), {}));
  for (const char* t : {"0", "2"}) CHECK(a.Count(t) == kEach);
  for (const char* t : {"1", "3"}) CHECK(b.Count(t) == kEach);
}

TEST_CASE("B8: what only one of two snapshots includes is replayed for the other alone") {
  TempDirectory directory;
  {
    Counters a("a"), b("b");
    auto host = Value(Host::Open(Options(directory, {&a, &b}), {}));
    REQUIRE_OK(a.Add("x"));
    // `a` is cut before these two and `b` behind them, so the log is needed from here on.
    a.while_saving = [&] {
      std::thread([&] {
        static_cast<void>(b.Add("y"));
        static_cast<void>(b.Add("y"));
      }).join();
    };
    REQUIRE_OK(host->Checkpoint());
    REQUIRE_OK(a.Add("x"));
  }
  Counters a("a"), b("b");
  auto host = Value(Host::Open(Options(directory, {&a, &b}), {}));
  CHECK(a.Count("x") == 2);
  CHECK(b.Count("y") == 2);
  CHECK(host->figures().replayed == 1);
}

TEST_CASE("P15: a damaged or missing CURRENT beside a log is an error, never an empty directory") {
  TempDirectory directory;
  {
    Counters counters;
    auto host = Value(Host::Open(Options(directory, {&counters}), {}));
    REQUIRE_OK(counters.Add("a"));
  }
  const std::string current = directory.path() + "/state/CURRENT";
  const bool damaged = GENERATE(true, false);
  REQUIRE(std::system((damaged ? "printf x | dd of=" + current + " conv=notrunc status=none"
                               : "rm " + current)
                          .c_str()) == 0);
  Counters counters;
  CHECK(Host::Open(Options(directory, {&counters}), {}).status().code() ==
        absl::StatusCode::kDataLoss);
}

TEST_CASE(
    "Checkpoints by operation count let the log be trimmed, and an unchanged component is "
    "carried") {
  TempDirectory directory;
  Counters a("a"), b("b");
  HostOptions options = Options(directory, {&a, &b});
  options.checkpoint = {.interval = {}, .log_bytes = 0, .operations = 100};
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(b.Add("once"));
  for (int i = 0; i < 1500; ++i) {
    REQUIRE_OK(a.Add("x"));
    if (i % 50 == 49) REQUIRE_OK(host->Step());
  }
  const Figures figures = host->figures();
  CHECK(figures.checkpoints >= 14);
  CHECK(figures.wal.segments <= 3);
  const CheckpointInfo info = Value(host->Checkpoint());
  CHECK(info.components_carried >= 1);
}

TEST_CASE(
    "B3: a component that was half loaded from a damaged checkpoint is rebuilt from the log") {
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
    for (int i = 0; i < 2000; ++i) {
      REQUIRE_OK(young.Add(std::to_string(i), {.durability = Durability::kProcess}));
    }
    REQUIRE_OK(host->Checkpoint());
  }
  const std::string store = directory.path() + "/state/g-000001/store";
  // The largest object is the snapshot of `young`; its last byte belongs to it.
  REQUIRE(std::system(("f=$(find " + store + " -type f -printf '%s %p\\n' | sort -n | tail -1 | " +
                       "cut -d' ' -f2) && s=$(stat -c %s $f) && chmod u+w $f && printf x | " +
                       "dd of=$f bs=1 seek=$((s-1)) conv=notrunc status=none")
                          .c_str()) == 0);
  Counters old("old"), young("young");
  auto host = Value(Host::Open(Options(directory, {&old, &young}), {}));
  CHECK(young.Total() == 2000);
  CHECK(old.Count("a") == 1);
}

TEST_CASE("Start begins once, and not after Shutdown") {
  TempDirectory directory;
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  REQUIRE_OK(host->Start());
  REQUIRE_OK(host->Start());
  REQUIRE_OK(host->Shutdown());
  CHECK(host->Start().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(host->Step().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(host->Checkpoint().status().code() == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("A18: a forked child finds the host poisoned, and can destroy it") {
  TempDirectory directory;
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  REQUIRE_OK(host->Start());
  REQUIRE_OK(counters.Add("parent"));
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);  // a child that hangs is a failure of this test, not of the suite
    const bool refused =
        counters.Add("child").status().code() == absl::StatusCode::kFailedPrecondition &&
        host->Start().code() == absl::StatusCode::kFailedPrecondition &&
        host->Checkpoint().status().code() == absl::StatusCode::kFailedPrecondition;
    host.reset();
    _exit(refused && !counters.Add("child").ok() ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  REQUIRE_OK(counters.Add("parent"));
  REQUIRE_OK(host->Shutdown());
}

TEST_CASE("The observer is called with no lock held") {
  struct Asker : Observer {
    void OnEvent(const Event& event) noexcept override {
      if (event.kind != EventKind::kCheckpoint || asked.exchange(true)) return;
      // On another thread, because what the observer may not do is call back itself.
      std::thread([this] { static_cast<void>(host->Checkpoint()); }).join();
    }
    Host* host = nullptr;
    std::atomic<bool> asked = false;
  } asker;
  TempDirectory directory;
  Counters counters;
  HostOptions options = Options(directory, {&counters});
  options.environment.observer = &asker;
  auto host = Value(Host::Open(std::move(options), {}));
  asker.host = host.get();
  REQUIRE_OK(counters.Add("a"));
  REQUIRE_OK(host->Checkpoint());
  CHECK(asker.asked);
}

TEST_CASE("An asynchronous commit that the host's end overtakes has an open outcome") {
  TempDirectory directory;
  Counters counters;
  absl::StatusOr<Lsn> told = Lsn{};
  {
    auto host = Value(Host::Open(Options(directory, {&counters}), {}));
    counters.AddAsync("a", [&](absl::StatusOr<Lsn> lsn) { told = lsn; });
  }
  CHECK(told.status().code() == absl::StatusCode::kUnknown);
}

TEST_CASE("What was replayed counts towards the next checkpoint") {
  TempDirectory directory;
  const auto open = [&](Counters& counters) {
    HostOptions options = Options(directory, {&counters});
    options.checkpoint = {.interval = {}, .log_bytes = 10000};  // more than the last life writes
    return Value(Host::Open(std::move(options), {}));
  };
  for (int life = 0; life < 2; ++life) {
    Counters counters;
    auto host = open(counters);
    REQUIRE_OK(counters.Add(std::string(3000, 'x')));
  }
  Counters counters;
  auto host = open(counters);
  REQUIRE_OK(counters.Add("x"));
  REQUIRE_OK(host->Step());
  CHECK(host->figures().checkpoints == 1);
}

TEST_CASE("What an asynchronous commit's callback throws is dropped, and the rest are told") {
  TempDirectory directory;
  Counters counters;
  int told = 0;
  counters.AddAsync("a", [&](absl::StatusOr<Lsn>) {
    ++told;
    throw std::runtime_error("without a host");
  });
  CHECK(told == 1);
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  counters.AddAsync("a", [](absl::StatusOr<Lsn>) { throw std::bad_alloc(); });
  counters.AddAsync("a", [](absl::StatusOr<Lsn>) { throw std::runtime_error("mine"); });
  counters.AddAsync("a", [&](absl::StatusOr<Lsn> lsn) { told += lsn.ok() ? 1 : 100; });
  REQUIRE_OK(host->Step());
  CHECK(told == 2);
}

TEST_CASE("A checkpoint of what has not changed is none: no event, and nothing counted") {
  struct Counter : Observer {
    void OnEvent(const Event& event) noexcept override {
      checkpoints += event.kind == EventKind::kCheckpoint ? 1 : 0;
    }
    std::atomic<int> checkpoints = 0;
  } counter;
  TempDirectory directory;
  Counters counters;
  HostOptions options = Options(directory, {&counters});
  options.environment.observer = &counter;
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(counters.Add("a"));
  CHECK(Value(host->Checkpoint()).sequence == 1);
  const Figures before = host->figures();
  CHECK(Value(host->Checkpoint()).sequence == 0);
  CHECK(counter.checkpoints == 1);
  CHECK(host->figures().checkpoints == 1);
  CHECK(host->figures().checkpointed == before.checkpointed);
  CHECK(host->figures().checkpoint_pause_p50 == before.checkpoint_pause_p50);
}

TEST_CASE("Open ends where its context does, in the middle of the log") {
  TempDirectory directory;
  {
    Counters counters;
    auto host = Value(Host::Open(Options(directory, {&counters}), {}));
    for (int i = 0; i < 10; ++i) REQUIRE_OK(counters.Add("a"));
  }
  SimClock clock;
  std::stop_source stop;
  const auto open = [&](Counters& counters) {
    HostOptions options = Options(directory, {&counters});
    options.environment.clock = &clock;
    return Host::Open(std::move(options), {},
                      {.deadline = clock.Now() + std::chrono::seconds(1), .stop = stop.get_token()})
        .status();
  };
  Counters late, cancelled, early;
  late.before_applying = [&] { clock.Advance(std::chrono::milliseconds(400)); };
  CHECK(open(late).code() == absl::StatusCode::kDeadlineExceeded);
  CHECK(late.Total() == 3);
  cancelled.before_applying = [&] { stop.request_stop(); };
  CHECK(open(cancelled).code() == absl::StatusCode::kCancelled);
  CHECK(cancelled.Total() == 1);
  CHECK(open(early).code() == absl::StatusCode::kCancelled);
  CHECK(early.Total() == 0);
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  CHECK(counters.Total() == 10);
}

TEST_CASE("The kind of an operation is the same live and in replay, and kMarker is refused") {
  class Kinds : public Counters {
   public:
    std::vector<OperationKind> seen;

   private:
    absl::Status Apply(const Operation& op) override {
      seen.push_back(op.kind);
      return absl::OkStatus();
    }
  };
  const std::vector<OperationKind> kinds = {OperationKind::kTask, OperationKind::kTransition,
                                            OperationKind::kYield, OperationKind::kCallResult,
                                            OperationKind{}};
  TempDirectory directory;
  {
    Kinds component;
    auto host = Value(Host::Open(Options(directory, {&component}), {}));
    for (OperationKind kind : kinds) REQUIRE_OK(component.Add("a", {.kind = kind}));
    CHECK(component.Add("a", {.kind = OperationKind::kMarker}).status().code() ==
          absl::StatusCode::kInvalidArgument);
    CHECK(component.seen == kinds);
  }
  Kinds component;
  auto host = Value(Host::Open(Options(directory, {&component}), {}));
  CHECK(component.seen == kinds);
}

}  // namespace
}  // namespace dr::test
