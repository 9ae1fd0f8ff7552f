#include "dr/testing/fault_store.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>
#include <vector>

#include "dr/adapter/memory_store.h"
#include "dr/testing/adapter_cases.h"
#include "dr/testing/sim_clock.h"
#include "fmt/format.h"

namespace dr {
namespace {

using std::chrono::milliseconds;

struct Network {
  SimClock clock;
  MemoryStore memory{1 << 20, clock};
  FaultStore store{memory, clock, 1};
  std::string Value(std::string_view key) {
    auto item = memory.Get(key, {});
    return item.ok() ? item->value : "nothing";
  }
};

TEST_CASE("Without faults it is what the other store is") {
  SystemClock clock;
  MemoryStore memory(1 << 20);
  FaultStore store(memory, clock, 1);
  for (const AdapterCase& check : AdapterCases()) {
    if (!check.applies(store.capabilities())) continue;
    INFO(check.name);
    CHECK(check.run(store, fmt::format("{}/", check.name.substr(0, 60))).ok());
  }
}

TEST_CASE("Each fault of a write is told as it looks from here, and does what it says") {
  struct Row {
    StoreFault fault;
    absl::StatusCode code;
    std::string_view now, later;
  };
  for (const Row& row : {Row{StoreFault::kNone, absl::StatusCode::kOk, "new", "other"},
                         Row{StoreFault::kRefuse, absl::StatusCode::kUnavailable, "old", "other"},
                         Row{StoreFault::kDrop, absl::StatusCode::kUnknown, "old", "other"},
                         Row{StoreFault::kDelay, absl::StatusCode::kUnknown, "old", "new"},
                         Row{StoreFault::kDuplicate, absl::StatusCode::kOk, "new", "new"},
                         Row{StoreFault::kLoseReply, absl::StatusCode::kUnknown, "new", "other"},
                         Row{StoreFault::kSlow, absl::StatusCode::kUnknown, "new", "other"}}) {
    INFO(static_cast<int>(row.fault));
    Network network;
    REQUIRE(network.memory.Put("k", "old", {}, {}).ok());
    network.store.Next(row.fault);
    const Context soon{.deadline = network.clock.Now() + milliseconds(1)};
    CHECK(network.store.Put("k", "new", {}, soon).status().code() == row.code);
    CHECK(network.Value("k") == row.now);
    REQUIRE(network.memory.Put("k", "other", {}, {}).ok());
    network.store.Arrive();
    CHECK(network.Value("k") == row.later);
  }
}

TEST_CASE("What is on its way arrives during later calls") {
  Network network;
  network.store.Next(StoreFault::kDelay);
  CHECK(absl::IsUnknown(network.store.Put("k", "late", {}, {}).status()));
  int calls = 0;
  while (network.Value("k") == "nothing" && ++calls < 100) {
    REQUIRE(network.store.Check({}).ok());
  }
  CHECK(network.Value("k") == "late");
}

TEST_CASE("A Delete and a batch fail on their way too") {
  Network network;
  REQUIRE(network.memory.Put("k", "old", {}, {}).ok());
  network.store.Next(StoreFault::kLoseReply);
  CHECK(absl::IsUnknown(network.store.Delete("k", {}, {})));
  CHECK(network.Value("k") == "nothing");
  CHECK_FALSE(network.store.capabilities().atomic_batch);
  network.store.Next(StoreFault::kPartial);
  const KeyValue items[] = {{"a", "1"}, {"b", "2"}};
  CHECK(absl::IsUnknown(network.store.PutMany(items, {})));
  CHECK(network.Value("a") == "1");
  CHECK(network.Value("b") == "nothing");
  REQUIRE(network.memory.PutMany(items, {}).ok());
  const std::string keys[] = {"a", "b"};
  network.store.Next(StoreFault::kPartial);
  CHECK(absl::IsUnknown(network.store.DeleteMany(keys, {})));
  CHECK(network.Value("a") == "nothing");
  CHECK(network.Value("b") == "2");
  network.store.Next(StoreFault::kDelay);
  CHECK(absl::IsUnknown(network.store.DeleteMany(keys, {})));
  CHECK(network.Value("b") == "2");
  network.store.Arrive();
  CHECK(network.Value("b") == "nothing");
}

TEST_CASE("A read comes back wrong, in part, late or not at all") {
  Network network;
  REQUIRE(network.memory.Put("a", "value", {}, {}).ok());
  REQUIRE(network.memory.Put("b", "value", {}, {}).ok());
  for (StoreFault fault :
       {StoreFault::kRefuse, StoreFault::kDrop, StoreFault::kDelay, StoreFault::kLoseReply}) {
    network.store.Next(fault);
    CHECK(absl::IsUnavailable(network.store.Get("a", {}).status()));
  }
  network.store.Next(StoreFault::kCorrupt);
  const std::string wrong = network.store.Get("a", {})->value;
  CHECK(wrong.size() == 5);
  CHECK(wrong != "value");
  network.store.Next(StoreFault::kPartial, 3);
  CHECK(network.store.Get("a", {})->value == "va");
  const Page page = *network.store.List("", "", {});
  CHECK(page.entries.size() == 1);
  CHECK(page.more);
  const std::string_view keys[] = {"a", "b"};
  const auto items = network.store.GetMany(keys, {});
  CHECK(items[0].ok());
  CHECK(absl::IsUnavailable(items[1].status()));
  network.store.Next(StoreFault::kSlow, 2);
  const Instant start = network.clock.Now();
  CHECK(network.store.Get("a", {}).ok());
  CHECK(network.clock.Now() > start);
  const Context soon{.deadline = network.clock.Now() + milliseconds(1)};
  CHECK(absl::IsDeadlineExceeded(network.store.Get("a", soon).status()));
  CHECK(network.clock.Now() == soon.deadline);
}

TEST_CASE("Faults come as often as their rates say, and the same ones for the same seed") {
  std::vector<std::vector<absl::StatusCode>> runs;
  for (std::uint64_t seed : {1, 1, 2}) {
    Network network;
    FaultStore store(network.memory, network.clock, seed, {.refuse = 10, .drop = 20});
    std::vector<absl::StatusCode> codes;
    for (int i = 0; i < 1000; ++i) codes.push_back(store.Put("k", "v", {}, {}).status().code());
    CHECK(std::abs(std::ranges::count(codes, absl::StatusCode::kUnavailable) - 100) < 50);
    CHECK(std::abs(std::ranges::count(codes, absl::StatusCode::kUnknown) - 200) < 70);
    runs.push_back(codes);
  }
  CHECK(runs[0] == runs[1]);
  CHECK(runs[0] != runs[2]);
}

}  // namespace
}  // namespace dr
