// Several callers, each behind layers of its own, on one store whose network loses, delays and
// doubles what it carries. Whatever the seed, nobody is told what is not so.
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dr/adapter/layers.h"
#include "dr/adapter/memory_store.h"
#include "dr/status.h"
#include "dr/testing/fault_store.h"
#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_random.h"
#include "fmt/format.h"
#include "tests/support/borrowed_store.h"

namespace dr {
namespace {

constexpr int kCallers = 3;
constexpr int kHistories = 10'000;
constexpr int kCallsEach = 16;

// Remembers every value that was ever there, and lets others in between any two calls.
class Chronicle final : public test::SingleCalls {
 public:
  explicit Chronicle(const Clock& clock) : SingleCalls(memory_), memory_(1 << 20, clock) {}

  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override {
    Interrupt(key);
    auto put = memory_.Put(key, value, options, context);
    if (put.ok()) ++times_put[std::string(value)];
    return put;
  }
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override {
    Interrupt(key);
    return memory_.Get(key, context);
  }

  std::map<std::string, int> times_put;
  std::function<void(std::string_view key)> between = nullptr;

 private:
  void Interrupt(std::string_view key) {
    if (auto others = std::exchange(between, nullptr)) {  // who is in between is not interrupted
      others(key);
      between = std::move(others);
    }
  }

  MemoryStore memory_;
};

struct History {
  explicit History(std::uint64_t seed) : random(seed) {
    for (int i = 0; i < kCallers; ++i) {
      auto faults = std::make_unique<FaultStore>(
          chronicle, clock, seed * kCallers + static_cast<std::uint64_t>(i),
          FaultRates{
              .refuse = 10, .drop = 5, .delay = 8, .duplicate = 8, .lose_reply = 12, .slow = 5});
      networks.push_back(faults.get());
      stores.push_back(*AddLayers(std::move(faults),
                                  {.prefix = "p/",
                                   .retry = {.attempts_max = 5},
                                   .attempt_timeout = std::chrono::seconds(1)},
                                  {.clock = &clock, .random = &random}));
    }
    chronicle.between = [this](std::string_view key) {
      if (!key.starts_with("p/cell/") || Dice(4) > 0) return;
      const auto item = chronicle.Get(key, {});
      if (!item.ok()) return;
      REQUIRE(chronicle
                  .Put(key, fmt::format("value {}", ++values),
                       {.condition = PutCondition::kIfVersion, .version = item->version}, {})
                  .ok());
    };
  }

  std::uint64_t Dice(std::uint64_t sides) { return *random.Next() % sides; }

  void Run() {
    for (int i = 0; i < kCallsEach * kCallers; ++i) Call(*stores[Dice(kCallers)]);
    for (FaultStore* network : networks) network->Arrive();
    for (const auto& [key, value] : created) {
      auto item = chronicle.Get(key, {});
      REQUIRE(item.ok());
      REQUIRE(item->value == value);
    }
    for (const std::string& value : acknowledged) REQUIRE(chronicle.times_put[value] >= 1);
    for (const std::string& value : conditional) REQUIRE(chronicle.times_put[value] <= 1);
    for (const std::string& value : refused) REQUIRE(chronicle.times_put[value] == 0);
  }

  void Call(StateAdapter& store) {
    const std::string value = fmt::format("value {}", ++values);
    const std::uint64_t number = Dice(4);
    switch (Dice(3)) {
      case 0: {
        const std::string key = fmt::format("once/{}", number);
        conditional.push_back(value);
        if (Put(store, key, value, {.condition = PutCondition::kIfAbsent})) {
          REQUIRE(created.emplace("p/" + key, value).second);
        }
        return;
      }
      case 1: {
        const std::string key = fmt::format("cell/{}", number);
        auto item = chronicle.Get("p/" + key, {});
        // Also a version that is not the newest any more.
        if (item.ok()) seen[key].push_back(item->version);
        if (seen[key].empty()) {
          REQUIRE(chronicle.Put("p/" + key, value, {}, {}).ok());
          return;
        }
        const Version& version =
            seen[key][seen[key].size() - 1 - (Dice(5) == 0 ? Dice(seen[key].size()) : 0)];
        conditional.push_back(value);
        if (Put(store, key, value, {.condition = PutCondition::kIfVersion, .version = version})) {
          REQUIRE(replaced.emplace(key, version.value).second);
        }
        return;
      }
      default:
        static_cast<void>(Put(store, fmt::format("any/{}", number), value, {}));
    }
  }

  bool Put(StateAdapter& store, const std::string& key, const std::string& value,
           const PutOptions& options) {
    const Instant deadline = clock.Now() + std::chrono::milliseconds(1 + Dice(5000));
    auto put = store.Put(key, value, options, {.deadline = deadline});
    REQUIRE(clock.Now() <= deadline);
    if (put.ok()) {
      acknowledged.push_back(value);
    } else if (!absl::IsUnknown(put.status())) {
      refused.push_back(value);
    }
    ++outcomes[put.status().code()];
    return put.ok();
  }

  SimClock clock;
  SimRandom random;
  Chronicle chronicle{clock};
  std::vector<FaultStore*> networks;
  std::vector<std::unique_ptr<StateAdapter>> stores;
  int values = 0;
  std::map<std::string, std::string> created;
  std::map<std::string, std::vector<Version>> seen;
  std::set<std::pair<std::string, std::string>> replaced;
  std::vector<std::string> acknowledged, conditional, refused;
  std::map<absl::StatusCode, int> outcomes;
};

TEST_CASE("D4: Over any network a condition is granted once, and what is told is so") {
  std::map<absl::StatusCode, int> outcomes;
  for (std::uint64_t seed = 1; seed <= kHistories; ++seed) {
    INFO("seed " << seed);
    History history(seed);
    history.Run();
    for (const auto& [code, count] : history.outcomes) outcomes[code] += count;
  }
  for (absl::StatusCode code :
       {absl::StatusCode::kOk, absl::StatusCode::kAlreadyExists, absl::StatusCode::kAborted,
        absl::StatusCode::kUnknown, absl::StatusCode::kUnavailable}) {
    INFO(absl::StatusCodeToString(code));
    CHECK(outcomes[code] > 100);
  }
}

TEST_CASE("A history is the same whenever its seed is") {
  History first(7), second(7);
  first.Run();
  second.Run();
  CHECK(first.chronicle.times_put == second.chronicle.times_put);
  CHECK(first.acknowledged == second.acknowledged);
  CHECK(first.clock.Now() == second.clock.Now());
}

}  // namespace
}  // namespace dr
