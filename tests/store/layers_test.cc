#include "dr/adapter/layers.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "dr/adapter/forwarding_store.h"
#include "dr/adapter/memory_store.h"
#include "dr/status.h"
#include "dr/testing/adapter_cases.h"
#include "dr/testing/fault_store.h"
#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_random.h"
#include "fmt/format.h"

namespace dr {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Listener final : Observer {
  std::vector<Event> events;
  void OnEvent(const Event& event) noexcept override { events.push_back(event); }
};

// A faulty store in memory behind the layers.
struct Stack {
  explicit Stack(LayerOptions options = {}) {
    auto faults = std::make_unique<FaultStore>(memory, clock, 1);
    faulty = faults.get();
    auto added =
        AddLayers(std::move(faults), std::move(options),
                  {.clock = &clock, .random = &random, .observer = &listener, .metrics = &metrics});
    REQUIRE(added.ok());
    store = *std::move(added);
  }
  StateAdapter* operator->() { return store.get(); }
  Context Within(std::chrono::nanoseconds time) { return {.deadline = clock.Now() + time}; }

  SimClock clock;
  SimRandom random{1};
  MemoryStore memory{1 << 20, clock};
  Listener listener;
  StoreMetrics metrics;
  FaultStore* faulty = nullptr;
  std::unique_ptr<StateAdapter> store;
};

const RetryOptions kNoRetries = {.attempts_max = 1};

TEST_CASE("The whole stack passes every case, and so does a store between its faults") {
  SystemClock clock;
  SystemRandom random;
  MemoryStore memory(1 << 20);
  StoreMetrics metrics;
  auto stack =
      AddLayers(std::make_unique<FaultStore>(memory, clock, 1),
                {.prefix = "all/of\xff/", .bandwidth = {4'000'000'000}, .concurrency_max = 3},
                {.clock = &clock, .random = &random, .metrics = &metrics});
  REQUIRE(stack.ok());
  int ran = 0;
  for (const AdapterCase& check : AdapterCases()) {
    if (!check.applies((*stack)->capabilities())) continue;
    INFO(check.name);
    const absl::Status status = check.run(**stack, fmt::format("case/{}/", ran++));
    INFO(status.ToString());
    CHECK(status.ok());
  }
  CHECK(ran > 100);
  CHECK(metrics.Read().Of(StoreCall::kPut).calls > 1000);
  CHECK(metrics.Read().retries == 0);
}

TEST_CASE("What the store declares passes through, and keys are shorter by the prefix") {
  Stack stack({.prefix = "agent7/", .concurrency_max = 1});
  const Capabilities& can = stack->capabilities();
  const Capabilities& below = stack.faulty->capabilities();
  CHECK(can.max_key_bytes == below.max_key_bytes - 7);
  CHECK(can.max_value_bytes == below.max_value_bytes);
  CHECK(can.if_absent == below.if_absent);
  CHECK(can.if_version == below.if_version);
  CHECK(can.atomic_batch == below.atomic_batch);
  CHECK(can.ttl == below.ttl);
  CHECK(can.durable == below.durable);
  CHECK(can.fence_safe == below.fence_safe);
}

TEST_CASE("why a store is weak passes through every layer (K66)") {
  struct Weak final : ForwardingStore {
    explicit Weak(std::unique_ptr<StateAdapter> store)
        : ForwardingStore(std::move(store)), can(inner().capabilities()) {
      can.weaknesses = {"it forgets"};
    }
    const Capabilities& capabilities() const override { return can; }
    Capabilities can;
  };
  SimClock clock;
  SimRandom random(1);
  const auto stack = AddLayers(std::make_unique<Weak>(std::make_unique<MemoryStore>()),
                               {.prefix = "a/",
                                .bandwidth = {.bytes_per_second = 1000},
                                .concurrency_max = 1,
                                .attempt_timeout = seconds(1)},
                               {.clock = &clock, .random = &random});
  REQUIRE(stack.ok());
  CHECK((*stack)->capabilities().weaknesses == std::vector<std::string>{"it forgets"});
}

TEST_CASE("A prefix is before every key in the store, and nobody else's keys are seen") {
  Stack stack({.prefix = "a/"});
  REQUIRE(stack.memory.Put("a", "outside", {}, {}).ok());
  REQUIRE(stack.memory.Put("b/1", "outside", {}, {}).ok());
  const KeyValue items[] = {{"1", "one"}, {"2", "two"}};
  REQUIRE(stack->PutMany(items, {}).ok());
  CHECK(stack.memory.Get("a/1", {})->value == "one");
  const Page page = *stack->List("", "", {});
  REQUIRE(page.entries.size() == 2);
  CHECK(page.entries[0].key == "1");
  CHECK(stack->List("", "1", {})->entries.at(0).key == "2");
  const std::string_view keys[] = {"2", "", "b/1"};
  const auto found = stack->GetMany(keys, {});
  CHECK(found[0]->value == "two");
  CHECK(absl::IsInvalidArgument(found[1].status()));
  CHECK(absl::IsNotFound(found[2].status()));
  REQUIRE(stack->Delete("1", {}, {}).ok());
  CHECK(absl::IsNotFound(stack.memory.Get("a/1", {}).status()));
  CHECK(absl::IsInvalidArgument(stack->Delete("", {}, {})));
}

TEST_CASE("Options out of their bounds are refused") {
  SimClock clock;
  SimRandom random(1);
  for (const LayerOptions& options :
       {LayerOptions{.prefix = std::string(kMaxKeyBytes, 'p')},
        LayerOptions{.retry = {.attempts_max = 0}}, LayerOptions{.retry = {.retries_max = -1}},
        LayerOptions{.retry = {.first_pause = seconds(-1)}},
        LayerOptions{.retry = {.first_pause = seconds(2), .longest_pause = seconds(1)}},
        LayerOptions{.attempt_timeout = seconds(-1)}}) {
    const auto added =
        AddLayers(std::make_unique<MemoryStore>(), options, {.clock = &clock, .random = &random});
    CHECK(absl::IsInvalidArgument(added.status()));
  }
}

TEST_CASE("An attempt that takes too long is unavailable, not at its caller's deadline") {
  Stack stack({.retry = kNoRetries, .attempt_timeout = milliseconds(1)});
  stack.faulty->Next(StoreFault::kSlow, 2);
  const Instant start = stack.clock.Now();
  CHECK(absl::IsUnavailable(stack->Get("k", stack.Within(seconds(1))).status()));
  CHECK(stack.clock.Now() - start == milliseconds(1));
  // The caller's own deadline is earlier.
  CHECK(absl::IsDeadlineExceeded(
      stack->Get("k", stack.Within(std::chrono::microseconds(10))).status()));
}

TEST_CASE("Each of many keys is told why it has no value, also when the store was not asked") {
  Stack stack({.retry = kNoRetries,
               .bandwidth = {.bytes_per_second = 1000},
               .attempt_timeout = milliseconds(1)});
  const std::string_view keys[] = {"a", "b"};
  stack.faulty->Next(StoreFault::kSlow);
  for (const absl::StatusOr<Item>& item : stack->GetMany(keys, {})) {
    CHECK(absl::IsUnavailable(item.status()));
  }
  REQUIRE(stack->Put("a", std::string(10'000, 'v'), {}, {}).ok());
  const auto items = stack->GetMany(keys, stack.Within(seconds(1)));
  REQUIRE(items.size() == 2);
  for (const absl::StatusOr<Item>& item : items) CHECK(absl::IsDeadlineExceeded(item.status()));
}

TEST_CASE("An attempt that takes too long is made again") {
  Stack stack({.attempt_timeout = milliseconds(1)});
  stack.faulty->Next(StoreFault::kSlow, 2);
  CHECK(stack->Check({}).ok());
  CHECK(stack.metrics.Read().retries == 2);
}

TEST_CASE("S2-8: Values get no more than the tier's share of the bandwidth") {
  struct Row {
    std::optional<Tier> tier;
    std::chrono::nanoseconds expected;
  };
  for (const Row& row :
       {Row{{}, milliseconds(900)}, Row{Tier::kFast, milliseconds(9000)},
        Row{Tier::kWarm, milliseconds(1125)}, Row{Tier::kCold, milliseconds(9000)}}) {
    Stack stack({.bandwidth = {.bytes_per_second = 100'000, .tier = row.tier}});
    const std::string value(10'000, 'v');
    const Instant start = stack.clock.Now();
    // What goes out and what comes in count alike; the last one's time is not waited for.
    for (int i = 0; i < 5; ++i) {
      REQUIRE(stack->Put("k", value, {}, {}).ok());
      REQUIRE(stack->Get("k", {}).ok());
    }
    CHECK(stack.clock.Now() - start == row.expected);
  }
}

TEST_CASE("A call that could not have its bandwidth before its deadline is refused at once") {
  Stack stack({.retry = kNoRetries, .bandwidth = {.bytes_per_second = 1000}});
  REQUIRE(stack->Put("k", std::string(10'000, 'v'), {}, {}).ok());
  const Instant start = stack.clock.Now();
  CHECK(absl::IsDeadlineExceeded(stack->Check(stack.Within(seconds(9)))));
  CHECK(stack.clock.Now() == start);
  std::stop_source source;
  source.request_stop();
  CHECK(absl::IsCancelled(stack->Check({.stop = source.get_token()})));
  CHECK(stack->Check(stack.Within(seconds(11))).ok());
  CHECK(stack.clock.Now() - start == seconds(10));
}

// Counts who is inside.
class Crowd final : public StateAdapter {
 public:
  const Capabilities& capabilities() const override { return memory_.capabilities(); }
  absl::StatusOr<Version> Put(std::string_view, std::string_view, const PutOptions&,
                              const Context&) override {
    return Version{};
  }
  absl::StatusOr<Item> Get(std::string_view, const Context&) override { return Item{}; }
  absl::StatusOr<Page> List(std::string_view, std::string_view, const Context&) override {
    return Page{};
  }
  absl::Status Delete(std::string_view, const DeleteOptions&, const Context&) override {
    return absl::OkStatus();
  }
  absl::Status Check(const Context&) override {
    const int now = ++inside;
    int seen = most;
    while (seen < now && !most.compare_exchange_weak(seen, now)) {
    }
    while (!open) std::this_thread::yield();
    --inside;
    return absl::OkStatus();
  }
  std::atomic<int> inside = 0, most = 0;
  std::atomic<bool> open = false;

 private:
  MemoryStore memory_;
};

TEST_CASE("No more calls than allowed are in the store, and who waits heeds its context") {
  SystemClock clock;
  SimRandom random(1);
  auto owned = std::make_unique<Crowd>();
  Crowd& crowd = *owned;
  auto store =
      *AddLayers(std::move(owned), {.concurrency_max = 2}, {.clock = &clock, .random = &random});
  std::vector<std::thread> threads;
  std::atomic<int> served = 0;
  const auto ask = [&] { served += store->Check({}).ok() ? 1 : 0; };
  for (int i = 0; i < 2; ++i) threads.emplace_back(ask);
  while (crowd.inside < 2) std::this_thread::yield();
  const Context soon{.deadline = clock.Now() + milliseconds(5)};
  CHECK(absl::IsDeadlineExceeded(store->Check(soon)));
  std::stop_source source;
  source.request_stop();
  CHECK(absl::IsCancelled(store->Check({.stop = source.get_token()})));
  for (int i = 0; i < 4; ++i) threads.emplace_back(ask);
  crowd.open = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(served == 6);
  CHECK(crowd.most == 2);
}

TEST_CASE("Figures count calls, errors, bytes and the time that callers waited") {
  Stack stack({.retry = kNoRetries});
  REQUIRE(stack->Put("k", "12345", {}, {}).ok());
  CHECK(stack->Get("k", {}).ok());
  CHECK(absl::IsNotFound(stack->Get("nothing", {}).status()));
  stack.faulty->Next(StoreFault::kRefuse);
  CHECK_FALSE(stack->Get("k", {}).ok());
  const std::string_view keys[] = {"k", "k"};
  CHECK(stack->GetMany(keys, {}).size() == 2);
  const KeyValue items[] = {{"a", "12"}, {"b", "345"}};
  CHECK(stack->PutMany(items, {}).ok());
  const StoreFigures figures = stack.metrics.Read();
  CHECK(figures.Of(StoreCall::kPut).calls == 1);
  CHECK(figures.Of(StoreCall::kPut).bytes_sent == 5);
  CHECK(figures.Of(StoreCall::kGet).calls == 3);
  CHECK(figures.Of(StoreCall::kGet).errors == 1);
  CHECK(figures.Of(StoreCall::kGet).bytes_received == 5);
  CHECK(figures.Of(StoreCall::kGetMany).bytes_received == 10);
  CHECK(figures.Of(StoreCall::kPutMany).bytes_sent == 5);
  CHECK(figures.Of(StoreCall::kList).calls == 0);
}

TEST_CASE("Half the calls are as fast as p50 says, and of a thousand all but ten as p99 says") {
  StoreMetrics metrics;
  for (int i = 5000; i >= 1; --i) {
    metrics.CountCall(StoreCall::kGet, absl::OkStatus(), 0, 0, milliseconds(i));
  }
  const CallFigures figures = metrics.Read().Of(StoreCall::kGet);
  CHECK(figures.p50 == milliseconds(512));  // of the last 1,024
  CHECK(figures.p99 == milliseconds(1013));
  CHECK(figures.calls == 5000);
}

TEST_CASE("Waiting for retries is part of what a caller waits") {
  Stack stack;
  stack.faulty->Next(StoreFault::kRefuse, 5);
  const Instant start = stack.clock.Now();
  REQUIRE(stack->Check({}).ok());
  CHECK(stack.clock.Now() > start);
  CHECK(stack.metrics.Read().Of(StoreCall::kCheck).p99 == stack.clock.Now() - start);
  CHECK(stack.metrics.Read().Of(StoreCall::kCheck).calls == 1);
}

TEST_CASE("The observer hears once that a store is away, and once that it is back") {
  Stack stack({.retry = kNoRetries});
  REQUIRE(stack->Check({}).ok());
  CHECK(stack.listener.events.empty());
  stack.faulty->Next(StoreFault::kRefuse, 3);
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(stack->Check({}).ok());
    stack.clock.Advance(seconds(1));
  }
  REQUIRE(stack.listener.events.size() == 1);
  CHECK(stack.listener.events[0].kind == EventKind::kStoreUnavailable);
  CHECK(absl::IsUnavailable(stack.listener.events[0].status));
  CHECK_FALSE(stack.metrics.Read().available);
  // Neither its own deadline nor its own fault says anything of the store.
  CHECK_FALSE(stack->Check(stack.Within(seconds(-1))).ok());
  CHECK_FALSE(stack->Get("", {}).ok());
  CHECK(stack.listener.events.size() == 1);
  for (int i = 0; i < 2; ++i) CHECK(absl::IsNotFound(stack->Get("nothing", {}).status()));
  REQUIRE(stack.listener.events.size() == 2);
  CHECK(stack.listener.events[1].kind == EventKind::kStoreBack);
  CHECK(stack.listener.events[1].duration == seconds(3));
  CHECK(stack.metrics.Read().available);
}

TEST_CASE("Each kind of call and of event has a name of its own") {
  CHECK(NameOf(StoreCall::kPut) == "Put");
  CHECK(NameOf(StoreCall::kPutMany) == "PutMany");
  CHECK(NameOf(StoreCall::kDeleteMany) == "DeleteMany");
  CHECK(NameOf(EventKind::kStoreUnavailable) == "store_unavailable");
  CHECK(NameOf(EventKind::kStoreBack) == "store_back");
}

}  // namespace
}  // namespace dr
