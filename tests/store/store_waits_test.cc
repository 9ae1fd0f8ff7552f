// Outages, and the waits of the layers: what they cost, and that each ends.
#include <catch2/catch.hpp>
#include <functional>
#include <latch>
#include <thread>
#include <vector>

#include "dr/adapter/connection_pool.h"
#include "dr/adapter/layers.h"
#include "dr/adapter/memory_store.h"
#include "dr/adapter/permits.h"
#include "dr/status.h"
#include "dr/testing/fault_store.h"
#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_random.h"
#include "tests/support/borrowed_store.h"

namespace dr {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Asks a function what a Check comes to; everything else is a store in memory.
class Scripted final : public test::SingleCalls {
 public:
  using Script = std::function<absl::Status(const Context& context)>;
  explicit Scripted(Script script) : SingleCalls(memory_), script_(std::move(script)) {}
  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override {
    if (absl::Status s = script_(context); !s.ok()) return s;
    return memory_.Put(key, value, options, {});
  }
  absl::Status Check(const Context& context) override { return script_(context); }

 private:
  const Script script_;
  MemoryStore memory_;
};

struct Listener final : Observer {
  explicit Listener(std::function<void(const Event&)> heard) : heard_(std::move(heard)) {}
  void OnEvent(const Event& event) noexcept override { heard_(event); }
  const std::function<void(const Event&)> heard_;
};

absl::Status Away() { return MakeFault({.kind = FaultKind::kIo, .next = "wait"}, "refused"); }

TEST_CASE("an outage is an event at its first attempt and not behind the retries (K54)") {
  for (const StoreFault fault : {StoreFault::kRefuse, StoreFault::kDrop}) {
    SimClock clock;
    SimRandom random(1);
    MemoryStore memory(1 << 20, clock);
    StoreMetrics metrics;
    struct Heard {
      EventKind kind;
      Instant at;
      bool is_available;
    };
    std::vector<Heard> heard;
    Listener listener([&](const Event& event) {
      heard.push_back({event.kind, clock.Now(), metrics.Read().available});
    });
    auto faults = std::make_unique<FaultStore>(memory, clock, 1);
    faults->Next(fault, 5);
    auto store = *AddLayers(
        std::move(faults), {},
        {.clock = &clock, .random = &random, .observer = &listener, .metrics = &metrics});
    const Instant start = clock.Now();
    REQUIRE(store->Put("k", "v", {.condition = PutCondition::kIfAbsent}, {}).ok());
    REQUIRE(heard.size() == 2);
    CHECK(heard[0].kind == EventKind::kStoreUnavailable);
    CHECK(heard[0].at == start);
    CHECK_FALSE(heard[0].is_available);
    CHECK(heard[1].kind == EventKind::kStoreBack);
    CHECK(heard[1].at > start);
    const StoreFigures figures = metrics.Read();
    CHECK(figures.available);
    CHECK(figures.unavailable_since.is_never());
    CHECK_FALSE(figures.last_error.ok());
  }
}

TEST_CASE("the figures tell since when a store is away and what the newest attempt said (K54)") {
  SimClock clock;
  SimRandom random(1);
  StoreMetrics metrics;
  int asked = 0;
  auto store = *AddLayers(std::make_unique<Scripted>([&](const Context&) {
                            clock.Advance(seconds(1));
                            return MakeFault({.kind = FaultKind::kIo}, std::to_string(++asked));
                          }),
                          {.retry = {.attempts_max = 1}},
                          {.clock = &clock, .random = &random, .metrics = &metrics});
  const Instant start = clock.Now();
  for (int i = 0; i < 3; ++i) CHECK(absl::IsUnavailable(store->Check({})));
  CHECK(metrics.Read().unavailable_since == start + seconds(1));
  CHECK(metrics.Read().last_error.message().find("3") != absl::string_view::npos);
}

TEST_CASE("a store that hangs keeps a call without a deadline for so long and no longer (K54)") {
  SimClock clock;
  SimRandom random(1);
  auto store = *AddLayers(std::make_unique<Scripted>([&](const Context& context) {
                            clock.SleepUntil(context.deadline, context.stop);
                            return CheckContext(context, clock, "the store");
                          }),
                          {.attempt_timeout = seconds(20)}, {.clock = &clock, .random = &random});
  const Instant start = clock.Now();
  CHECK(absl::IsUnavailable(store->Check({})));
  CHECK(clock.Now() - start > seconds(60));
  CHECK(clock.Now() - start <= RetryOptions{}.patience + seconds(20));
}

TEST_CASE("events of a store come in turn though many threads cause them (K94)") {
  SystemClock clock;
  SimRandom random(1);
  std::atomic<bool> is_away = true;
  std::vector<EventKind> told;  // appended to when a call of the observer ends
  StateAdapter* asked = nullptr;
  Listener listener([&](const Event& event) {
    if (event.kind == EventKind::kStoreUnavailable) {
      is_away = false;
      std::thread other([&] { CHECK(asked->Check({}).ok()); });
      other.join();
    }
    told.push_back(event.kind);
  });
  auto store = *AddLayers(std::make_unique<Scripted>(
                              [&](const Context&) { return is_away ? Away() : absl::OkStatus(); }),
                          {.retry = {.attempts_max = 1}},
                          {.clock = &clock, .random = &random, .observer = &listener});
  asked = store.get();
  CHECK(absl::IsUnavailable(store->Check({})));
  CHECK(told == std::vector{EventKind::kStoreUnavailable, EventKind::kStoreBack});
}

TEST_CASE("an observer may ask the store that it hears of (K94)") {
  SystemClock clock;
  SimRandom random(1);
  std::vector<EventKind> told;
  StateAdapter* asked = nullptr;
  Listener listener([&](const Event& event) {
    told.push_back(event.kind);
    if (told.size() == 1) static_cast<void>(asked->Check({}));
  });
  int calls = 0;
  auto store = *AddLayers(std::make_unique<Scripted>([&](const Context&) {
                            return ++calls == 1 ? Away() : absl::OkStatus();
                          }),
                          {.retry = {.attempts_max = 1}},
                          {.clock = &clock, .random = &random, .observer = &listener});
  asked = store.get();
  CHECK(absl::IsUnavailable(store->Check({})));
  CHECK(told == std::vector{EventKind::kStoreUnavailable, EventKind::kStoreBack});
}

// Whoever sleeps by it is cancelled meanwhile.
struct StoppingClock final : Clock {
  SimClock clock;
  mutable std::stop_source source;
  Instant Now() const override { return clock.Now(); }
  absl::Time WallTime() const override { return clock.WallTime(); }
  void SleepUntil(Instant at, const std::stop_token& stop) const override {
    if (at <= Now()) return;
    source.request_stop();
    CHECK((stop.stop_requested() || !stop.stop_possible()));
  }
  Context Cancelled() const {
    source = {};
    return {.stop = source.get_token()};
  }
};

TEST_CASE("puts that are cancelled or too late cost no bandwidth (K89)") {
  StoppingClock clock;
  SimRandom random(1);
  bool is_late = false;
  auto store = *AddLayers(std::make_unique<Scripted>([&](const Context&) {
                            return is_late ? absl::DeadlineExceededError("behind the limits")
                                           : absl::OkStatus();
                          }),
                          {.retry = {.attempts_max = 1},
                           .bandwidth = {.bytes_per_second = 1000},
                           .attempt_timeout = {}},
                          {.clock = &clock, .random = &random});
  const std::string second(1000, 'v');
  for (int i = 0; i < 5; ++i) {  // before they begin
    std::stop_source stopped;
    stopped.request_stop();
    CHECK(absl::IsCancelled(store->Put("k", second, {}, {.stop = stopped.get_token()}).status()));
    const Context late{.deadline = clock.Now()};
    CHECK(absl::IsDeadlineExceeded(store->Put("k", second, {}, late).status()));
  }
  is_late = true;
  for (int i = 0; i < 5; ++i) {  // in the store
    CHECK(absl::IsDeadlineExceeded(store->Put("k", second, {}, {}).status()));
  }
  is_late = false;
  REQUIRE(store->Put("k", second, {}, {}).ok());
  for (int i = 0; i < 5; ++i) {  // while they wait
    CHECK(absl::IsCancelled(store->Put("k", second, {}, clock.Cancelled()).status()));
  }
  clock.clock.Advance(seconds(1));
  CHECK(store->Put("k", second, {}, {.deadline = clock.Now() + milliseconds(1)}).ok());
}

TEST_CASE("calls that are cancelled or too late take no retries from others (K89)") {
  StoppingClock clock;
  SimRandom random(1);
  int refusals = 0;
  auto store = *AddLayers(
      std::make_unique<Scripted>([&](const Context& context) {
        if (absl::Status s = CheckContext(context, clock, "the store"); !s.ok()) return s;
        return refusals-- > 0 ? Away() : absl::OkStatus();
      }),
      {.retry = {.first_pause = seconds(10), .longest_pause = seconds(10), .retries_max = 4}},
      {.clock = &clock, .random = &random});
  for (int i = 0; i < 40; ++i) {
    refusals = 1;
    const Context late{.deadline = clock.Now() + std::chrono::nanoseconds(1)};
    CHECK(absl::IsUnavailable(store->Check(late)));
    refusals = 1;
    CHECK(absl::IsCancelled(store->Check(clock.Cancelled())));
  }
  refusals = 4;
  CHECK(store->Check({}).ok());
}

TEST_CASE("a dial that throws takes no place (K87)") {
  SystemClock clock;
  int dials = 0;
  ConnectionPool<int> pool(1, clock, [&](const Context&) -> absl::StatusOr<std::unique_ptr<int>> {
    if (++dials < 3) throw std::bad_alloc();
    return std::make_unique<int>(dials);
  });
  CHECK_THROWS_AS(pool.Take({}).ok(), std::bad_alloc);
  CHECK_THROWS_AS(pool.Take({}).ok(), std::bad_alloc);
  const Context soon{.deadline = clock.Now() + seconds(10)};
  CHECK(**pool.Take(soon) == 3);
  CHECK(**pool.Take(soon) == 3);
}

// A connection whose end is slow, as one that says goodbye to a server.
struct Slow {
  std::latch &ending, &go;
  ~Slow() {
    ending.count_down();
    go.wait();
  }
};

TEST_CASE("closing what is idle keeps nobody from a connection (K90)") {
  SystemClock clock;
  std::latch ending(1), go(1);
  ConnectionPool<Slow> pool(2, clock, [&](const Context&) -> absl::StatusOr<std::unique_ptr<Slow>> {
    return std::unique_ptr<Slow>(new Slow{ending, go});
  });
  { REQUIRE(pool.Take({}).ok()); }
  std::thread closing([&] { pool.CloseIdle(); });
  ending.wait();
  auto lease = pool.Take({.deadline = clock.Now() + seconds(10)});
  CHECK(lease.ok());
  go.count_down();
  closing.join();
}

TEST_CASE("waits for a permit end by its return and a deadline and a stop at once (K89)") {
  constexpr int kRounds = 300;
  SystemClock clock;
  Permits permits(1);
  for (int round = 0; round < kRounds; ++round) {
    auto held = std::make_unique<absl::StatusOr<Permits::Permit>>(permits.Take({}, clock, "test"));
    std::stop_source source;
    const Context contexts[] = {
        {.deadline = clock.Now() + std::chrono::microseconds(round % 7 * 50)},
        {.stop = source.get_token()},
        {}};
    std::vector<std::thread> threads;
    std::atomic<int> inside = 0, most = 0;
    for (const Context& context : contexts) {
      threads.emplace_back([&] {
        const auto permit = permits.Take(context, clock, "test");
        if (!permit.ok()) return;
        most = std::max<int>(most, ++inside);
        --inside;
      });
    }
    threads.emplace_back([&] { source.request_stop(); });
    held.reset();
    for (std::thread& thread : threads) thread.join();
    CHECK(most == 1);
  }
  CHECK(permits.Take({}, clock, "test").ok());
}

}  // namespace
}  // namespace dr
