#include <malloc.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>

#include "dr/adapter/layers.h"
#include "dr/adapter/memory_store.h"
#include "dr/status.h"
#include "dr/testing/fault_store.h"
#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_random.h"
#include "tests/support/borrowed_store.h"

namespace dr {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const PutOptions kCreate = {.condition = PutCondition::kIfAbsent};

PutOptions Replace(const Version& version) {
  return {.condition = PutCondition::kIfVersion, .version = version};
}

// Counts the puts that arrive, may call itself durable, and lets another writer in.
class Witness final : public test::SingleCalls {
 public:
  explicit Witness(const Clock& clock) : SingleCalls(memory), memory(1 << 20, clock) {}
  const Capabilities& capabilities() const override { return can; }
  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override {
    auto put = memory.Put(key, value, options, context);
    if (put.ok()) ++puts;
    if (put.ok() && std::exchange(deleted, false)) REQUIRE(memory.Delete(key, {}, {}).ok());
    if (put.ok() && !interloper.empty()) {
      REQUIRE(memory.Put(key, std::exchange(interloper, ""), {}, {}).ok());
    }
    return put;
  }
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override {
    ++gets;
    return memory.Get(key, context);
  }

  MemoryStore memory;
  Capabilities can = memory.capabilities();
  int puts = 0, gets = 0;
  bool deleted = false;         ///< so is the next value right after it was put
  std::string interloper = {};  ///< replaces the next value right after it was put
};

struct Retried {
  explicit Retried(RetryOptions options = {}) {
    auto faults = std::make_unique<FaultStore>(witness, clock, 1);
    faulty = faults.get();
    store = *AddLayers(std::move(faults), {.retry = options},
                       {.clock = &clock, .random = &random, .metrics = &metrics});
  }
  StateAdapter* operator->() { return store.get(); }

  SimClock clock;
  SimRandom random{1};
  Witness witness{clock};
  StoreMetrics metrics;
  FaultStore* faulty = nullptr;
  std::unique_ptr<StateAdapter> store;
};

TEST_CASE("D1: A put that is refused up to nine times happens once") {
  for (int times = 1; times <= 9; ++times) {
    for (const PutOptions& options : {PutOptions{}, kCreate}) {
      Retried store;
      store.faulty->Next(StoreFault::kRefuse, times);
      REQUIRE(store->Put("k", "v", options, {}).ok());
      CHECK(store.witness.puts == 1);
      CHECK(store.witness.gets == 0);
      CHECK(store.metrics.Read().retries == static_cast<std::uint64_t>(times));
    }
  }
}

TEST_CASE("Every kind of call is made again while the store is unavailable") {
  Retried store;
  const std::string_view keys[] = {"k", "k", "nothing"};
  const KeyValue items[] = {{"k", "v"}};
  const auto refused = [&] { store.faulty->Next(StoreFault::kRefuse, 2); };
  refused();
  CHECK(store->PutMany(items, {}).ok());
  refused();
  CHECK(store->Get("k", {}).ok());
  refused();
  CHECK(store->List("", "", {}).ok());
  refused();
  CHECK(store->Check({}).ok());
  refused();
  const auto many = store->GetMany(keys, {});
  REQUIRE(many.size() == 3);
  CHECK(many[1]->value == "v");
  CHECK(absl::IsNotFound(many[2].status()));
  // Half of the keys answered is not enough.
  store.faulty->Next(StoreFault::kPartial);
  CHECK(store->GetMany(keys, {})[1].ok());
  refused();
  CHECK(store->Delete("k", {}, {}).ok());
  CHECK(store.metrics.Read().retries == 13);
}

TEST_CASE("Only kUnavailable is retried") {
  Retried store;
  REQUIRE(store->Put("k", "v", {}, {}).ok());
  CHECK(absl::IsNotFound(store->Get("nothing", {}).status()));
  CHECK(absl::IsAlreadyExists(store->Put("k", "x", kCreate, {}).status()));
  CHECK(absl::IsAborted(store->Put("k", "x", Replace({"?"}), {}).status()));
  CHECK(absl::IsInvalidArgument(store->Put("", "x", {}, {}).status()));
  store.faulty->Next(StoreFault::kLoseReply);
  CHECK(absl::IsUnknown(store->Delete("k", {}, {})));
  CHECK(store.metrics.Read().retries == 0);
}

TEST_CASE("A call has so many attempts and no more") {
  Retried store({.attempts_max = 4});
  store.faulty->Next(StoreFault::kRefuse, 4);
  CHECK(absl::IsUnavailable(store->Check({})));
  CHECK(store.metrics.Read().retries == 3);
  CHECK(store->Check({}).ok());
  CHECK(store.metrics.Read().retries == 3);
}

TEST_CASE("All calls together have so many retries, and earn them back by success") {
  Retried store({.retries_max = 5});
  store.faulty->Next(StoreFault::kRefuse, 6 + 1);
  CHECK(absl::IsUnavailable(store->Check({})));  // six attempts
  CHECK(absl::IsUnavailable(store->Check({})));  // one
  CHECK(store.metrics.Read().retries == 5);
  for (int i = 0; i < 9; ++i) REQUIRE(store->Check({}).ok());
  store.faulty->Next(StoreFault::kRefuse);
  CHECK(absl::IsUnavailable(store->Check({})));
  REQUIRE(store->Put("k", "v", {}, {}).ok());  // the tenth
  store.faulty->Next(StoreFault::kRefuse);
  CHECK(store->Check({}).ok());
}

TEST_CASE("Pauses are of any length up to a bound that doubles until it is the longest") {
  constexpr int kCalls = 400;
  const std::vector<std::chrono::nanoseconds> bounds = {milliseconds(10), milliseconds(20),
                                                        milliseconds(30), milliseconds(30)};
  std::vector<std::chrono::nanoseconds> sums(bounds.size()), longest(bounds.size());
  Retried store({.first_pause = milliseconds(10), .longest_pause = milliseconds(30)});
  for (int i = 0; i < kCalls; ++i) {
    std::chrono::nanoseconds before = {};
    for (std::size_t retries = 1; retries <= bounds.size(); ++retries) {
      // The same dice again, so that the calls differ in their last pause alone.
      SimRandom dice(static_cast<std::uint64_t>(i));
      SimClock clock;
      FaultStore faulty(store.witness, clock, 1);
      faulty.Next(StoreFault::kRefuse, static_cast<int>(retries));
      auto again = *AddLayers(
          std::make_unique<FaultStore>(faulty, clock, 1),
          {.retry = {.first_pause = milliseconds(10), .longest_pause = milliseconds(30)}},
          {.clock = &clock, .random = &dice});
      const Instant start = clock.Now();
      REQUIRE(again->Check({}).ok());
      const std::chrono::nanoseconds pause = clock.Now() - start - before;
      before += pause;
      REQUIRE(pause.count() >= 0);
      REQUIRE(pause <= bounds[retries - 1]);
      sums[retries - 1] += pause;
      longest[retries - 1] = std::max(longest[retries - 1], pause);
    }
  }
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    CHECK(longest[i] > bounds[i] * 9 / 10);
    CHECK(sums[i] / kCalls > bounds[i] * 2 / 5);
    CHECK(sums[i] / kCalls < bounds[i] * 3 / 5);
  }
}

// Never answers, and sees how much memory is in use meanwhile.
class Away final : public StateAdapter {
 public:
  const Capabilities& capabilities() const override { return can; }
  absl::StatusOr<Version> Put(std::string_view, std::string_view, const PutOptions&,
                              const Context&) override {
    ++attempts;
    const std::size_t used = mallinfo2().uordblks;
    if (attempts == 2) least = used;
    most = std::max(most, used);
    return MakeFault({.kind = FaultKind::kBusy}, "503");
  }
  absl::StatusOr<Item> Get(std::string_view, const Context&) override { return NotThere(); }
  absl::StatusOr<Page> List(std::string_view, std::string_view, const Context&) override {
    return NotThere();
  }
  absl::Status Delete(std::string_view, const DeleteOptions&, const Context&) override {
    return NotThere();
  }
  absl::Status Check(const Context&) override { return NotThere(); }

  Capabilities can = MemoryStore().capabilities();
  int attempts = 0;
  std::size_t least = 0, most = 0;

 private:
  static absl::Status NotThere() { return absl::UnavailableError("503"); }
};

TEST_CASE("D2: An endless 503 ends at the deadline, and memory is constant until then") {
  SimClock clock;
  SimRandom random(1);
  auto owned = std::make_unique<Away>();
  Away& away = *owned;
  auto store = *AddLayers(std::move(owned),
                          {.retry = {.attempts_max = 1 << 30,
                                     .first_pause = milliseconds(1),
                                     .longest_pause = milliseconds(20),
                                     .retries_max = 1 << 20}},
                          {.clock = &clock, .random = &random});
  const Instant deadline = clock.Now() + std::chrono::minutes(10);
  CHECK(absl::IsUnavailable(store->Put("k", "v", {}, {.deadline = deadline}).status()));
  CHECK(clock.Now() <= deadline);
  CHECK(deadline - clock.Now() <= milliseconds(20));
  CHECK(away.attempts > 50'000);
  CHECK(away.most <= away.least + 1024);
}

TEST_CASE("A pause ends when the call is cancelled") {
  SystemClock clock;
  SimRandom random(1);
  MemoryStore memory;
  auto faulty = std::make_unique<FaultStore>(memory, clock, 1);
  faulty->Next(StoreFault::kRefuse, 2);
  auto store = *AddLayers(
      std::move(faulty),
      {.retry = {.first_pause = std::chrono::hours(24), .longest_pause = std::chrono::hours(24)}},
      {.clock = &clock, .random = &random});
  std::stop_source source;
  std::thread stopping([&] {
    std::this_thread::sleep_for(milliseconds(5));
    source.request_stop();
  });
  CHECK(absl::IsCancelled(store->Check({.stop = source.get_token()})));
  stopping.join();
}

TEST_CASE("Without dice nothing is retried") {
  Retried store;
  store.random.Fail();
  store.faulty->Next(StoreFault::kRefuse);
  CHECK(absl::IsUnavailable(store->Check({})));
  CHECK(store->Check({}).ok());
}

TEST_CASE("D4: A put whose reply was lost is found done, and done once") {
  Retried store;
  REQUIRE(store->Put("old", "v", {}, {}).ok());
  const Version old = store->Get("old", {})->version;
  struct Row {
    std::string_view key;
    PutOptions options;
  };
  for (const Row& row : {Row{"a", {}}, Row{"b", kCreate}, Row{"old", Replace(old)}}) {
    store.witness.puts = 0;
    store.faulty->Next(StoreFault::kLoseReply);
    auto put = store->Put(row.key, "mine", row.options, {});
    REQUIRE(put.ok());
    CHECK(store.witness.puts == 1);
    CHECK(store.witness.memory.Get(row.key, {})->version == *put);
  }
}

TEST_CASE("D4: A conditional put that never arrived is made again") {
  Retried store;
  store.faulty->Next(StoreFault::kDrop, 3);
  auto put = store->Put("k", "mine", kCreate, {});
  REQUIRE(put.ok());
  store.faulty->Next(StoreFault::kDrop, 3);
  REQUIRE(store->Put("k", "next", Replace(*put), {}).ok());
  CHECK(store.witness.puts == 2);
  CHECK(store->Get("k", {})->value == "next");
}

TEST_CASE("D4: An unconditional put that never arrived is not made again") {
  Retried store;
  REQUIRE(store.witness.memory.Put("theirs", "x", {}, {}).ok());
  for (std::string_view key : {"theirs", "new"}) {
    store.faulty->Next(StoreFault::kDrop);
    CHECK(absl::IsUnknown(store->Put(key, "mine", {}, {}).status()));
  }
  CHECK(store.witness.puts == 0);
}

TEST_CASE("D4, D5: Somebody else's value in the place of an ambiguous creation is a conflict") {
  Retried store;
  REQUIRE(store.witness.memory.Put("k", "theirs", {}, {}).ok());
  for (StoreFault fault : {StoreFault::kDrop, StoreFault::kLoseReply, StoreFault::kDelay}) {
    store.faulty->Next(fault);
    CHECK(absl::IsAlreadyExists(store->Put("k", "mine", kCreate, {}).status()));
  }
  store.faulty->Arrive();
  CHECK(store->Get("k", {})->value == "theirs");
}

TEST_CASE("D4: What may have replaced a version and been replaced itself stays unknown") {
  for (const bool happened : {false, true}) {
    Retried store;
    const Version first = *store.witness.memory.Put("k", "1", {}, {});
    if (happened) {
      store.witness.interloper = "theirs";
      store.faulty->Next(StoreFault::kLoseReply);
    } else {
      REQUIRE(store.witness.memory.Put("k", "theirs", {}, {}).ok());
      store.faulty->Next(StoreFault::kDrop);
    }
    CHECK(absl::IsUnknown(store->Put("k", "mine", Replace(first), {}).status()));
    CHECK(store->Get("k", {})->value == "theirs");
  }
}

TEST_CASE("D4: What may have replaced a version and been deleted stays unknown") {
  Retried store;
  const Version first = *store.witness.memory.Put("k", "1", {}, {});
  store.witness.deleted = true;
  store.faulty->Next(StoreFault::kLoseReply);
  CHECK(absl::IsUnknown(store->Put("k", "mine", Replace(first), {}).status()));
  CHECK(absl::IsNotFound(store->Get("k", {}).status()));
}

TEST_CASE("D4: What cannot be read back stays unknown") {
  Retried store({.attempts_max = 3});
  for (const PutOptions& options : {PutOptions{}, kCreate}) {
    store.faulty->Next(StoreFault::kLoseReply);
    store.faulty->Next(StoreFault::kRefuse, 10);
    CHECK(absl::IsUnknown(store->Put("k", "mine", options, {}).status()));
    CHECK(absl::IsUnavailable(store->Check({})));  // uses up the rest
    while (!store->Check({}).ok()) {
    }
    REQUIRE(store->Delete("k", {}, {}).ok());
  }
}

TEST_CASE("D4: What a durable store shows is put again in its own place before it counts") {
  Retried store;
  store.witness.can.durable = true;
  // The stack asked for its capabilities when it was built.
  auto faults = std::make_unique<FaultStore>(store.witness, store.clock, 1);
  FaultStore& faulty = *faults;
  auto durable =
      *AddLayers(std::move(faults), {}, {.clock = &store.clock, .random = &store.random});
  faulty.Next(StoreFault::kLoseReply);
  auto put = durable->Put("k", "mine", {}, {});
  REQUIRE(put.ok());
  CHECK(store.witness.puts == 2);
  CHECK(durable->Get("k", {})->version == *put);
}

TEST_CASE("D4: A durable store without conditions cannot settle an unconditional put") {
  Retried store;
  store.witness.can.durable = true;
  store.witness.can.if_version = false;
  auto faults = std::make_unique<FaultStore>(store.witness, store.clock, 1);
  faults->Next(StoreFault::kLoseReply);
  auto durable =
      *AddLayers(std::move(faults), {}, {.clock = &store.clock, .random = &store.random});
  CHECK(absl::IsUnknown(durable->Put("k", "mine", {}, {}).status()));
}

}  // namespace
}  // namespace dr
