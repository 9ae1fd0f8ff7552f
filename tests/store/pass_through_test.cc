// K66: what stands between a host and its store passes on all that it does not change.
#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "dr/adapter/adapter_registry.h"
#include "dr/adapter/forwarding_store.h"
#include "dr/adapter/layers.h"
#include "dr/clock.h"
#include "dr/environment/random.h"

namespace dr {
namespace {

// Declares what no other store does, and notes what it is asked.
class Unusual final : public StateAdapter {
 public:
  const Capabilities& capabilities() const override { return can; }
  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context&) override {
    asked.push_back("put " + std::string(key) + " " + std::string(value) + " " +
                    std::to_string(static_cast<int>(options.condition)) + options.version.value +
                    absl::FormatDuration(options.ttl.value_or(absl::ZeroDuration())));
    return Version{"a version"};
  }
  absl::StatusOr<Item> Get(std::string_view key, const Context&) override {
    asked.push_back("get " + std::string(key));
    return Item{"a value", {"a version"}};
  }
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context&) override {
    asked.push_back("list " + std::string(prefix) + " " + std::string(after));
    return Page{{{std::string(prefix) + "z", 7}}, true};
  }
  absl::Status Delete(std::string_view key, const DeleteOptions& options, const Context&) override {
    asked.push_back("delete " + std::string(key) + options.if_version.value_or(Version{}).value);
    return absl::OkStatus();
  }
  absl::Status Check(const Context&) override {
    asked.push_back("check");
    return absl::OkStatus();
  }
  std::vector<absl::StatusOr<Item>> GetMany(std::span<const std::string_view> keys,
                                            const Context&) override {
    asked.push_back("get many");
    std::vector<absl::StatusOr<Item>> items;
    for (std::string_view key : keys) items.emplace_back(Item{std::string(key), {"a version"}});
    return items;
  }
  absl::Status PutMany(std::span<const KeyValue> items, const Context&) override {
    asked.push_back("put many");
    for (const KeyValue& item : items) asked.back() += " " + std::string(item.key);
    return absl::OkStatus();
  }

  absl::Status DeleteMany(std::span<const std::string> keys, const Context&) override {
    asked.push_back("delete many");
    for (const std::string& key : keys) asked.back() += " " + key;
    return absl::OkStatus();
  }

  Capabilities can;
  std::vector<std::string> asked;
};

// A member that Capabilities gets one day does not compile here until it is compared.
auto Fields(const Capabilities& of) {
  const auto& [if_absent, if_version, atomic_batch, ttl, durable, fence_safe, max_value_bytes,
               max_key_bytes, weaknesses] = of;
  return std::make_tuple(if_absent, if_version, atomic_batch, ttl, durable, fence_safe,
                         max_value_bytes, weaknesses);
}

std::vector<Capabilities> EachAlone() {
  const Capabilities none = {.max_value_bytes = 1 << 20};
  std::vector<Capabilities> all(9, none);
  all[0].if_absent = true;
  all[1].if_version = true;
  all[2].atomic_batch = true;
  all[3].ttl = true;
  all[4].durable = true;
  all[5].fence_safe = true;
  all[6].max_value_bytes = 4711;
  all[7].weaknesses = {"it forgets", "it is slow"};
  all[8].max_key_bytes = 99;
  return all;
}

struct Between {
  const char* name;
  std::string prefix;
  std::function<std::unique_ptr<StateAdapter>(std::unique_ptr<StateAdapter>)> put;
};

std::vector<Between> Everything() {
  static SystemClock clock;
  static SystemRandom random;
  const auto layers = [](LayerOptions options) {
    return [options](std::unique_ptr<StateAdapter> store) {
      static StoreMetrics metrics;
      auto added = AddLayers(std::move(store), options,
                             {.clock = &clock, .random = &random, .metrics = &metrics});
      REQUIRE(added.ok());
      return *std::move(added);
    };
  };
  return {
      {"ForwardingStore", "",
       [](std::unique_ptr<StateAdapter> store) {
         return std::make_unique<ForwardingStore>(std::move(store));
       }},
      {"the layers as they are", "", layers({})},
      {"all layers", "agent7/",
       layers({.prefix = "agent7/", .bandwidth = {1'000'000'000}, .concurrency_max = 3})},
      {"what a registry opens", "",
       [](std::unique_ptr<StateAdapter> store) {
         AdapterRegistry registry;
         REQUIRE(registry
                     .Register("unusual",
                               [&](const Uri&, const AdapterEnvironment&, const Context&) {
                                 return absl::StatusOr<std::unique_ptr<StateAdapter>>(
                                     std::move(store));
                               })
                     .ok());
         auto opened = registry.Open("unusual:///", {.clock = &clock, .random = &random});
         REQUIRE(opened.ok());
         return *std::move(opened);
       }},
  };
}

TEST_CASE("K66: whatever passes through passes on everything that the store declares") {
  for (const Between& between : Everything()) {
    for (const Capabilities& can : EachAlone()) {
      auto store = std::make_unique<Unusual>();
      store->can = can;
      const auto seen = between.put(std::move(store));
      INFO(between.name);
      CHECK(Fields(seen->capabilities()) == Fields(can));
      CHECK(seen->capabilities().max_key_bytes == can.max_key_bytes - between.prefix.size());
    }
  }
}

TEST_CASE("K66: whatever passes through passes on every call, option and answer") {
  for (const Between& between : Everything()) {
    auto owned = std::make_unique<Unusual>();
    Unusual& store = *owned;
    store.can = {.if_absent = true, .if_version = true, .ttl = true, .max_value_bytes = 1 << 20};
    const auto seen = between.put(std::move(owned));
    INFO(between.name);
    const PutOptions put = {PutCondition::kIfVersion, {"an old one"}, absl::Seconds(7)};
    CHECK(seen->Put("k", "v", put, {})->value == "a version");
    CHECK(seen->Get("k", {})->value == "a value");
    const auto page = seen->List("p/", "p/a", {});
    REQUIRE(page.ok());
    CHECK(page->more);
    REQUIRE(page->entries.size() == 1);
    CHECK(page->entries[0].key == "p/z");
    CHECK(page->entries[0].bytes == 7);
    CHECK(seen->Delete("k", {.if_version = Version{" an old one"}}, {}).ok());
    CHECK(seen->Check({}).ok());
    const std::vector<std::string_view> keys = {"a", "b"};
    const auto many = seen->GetMany(keys, {});
    REQUIRE(many.size() == 2);
    CHECK(many[1]->value == between.prefix + "b");
    const std::vector<KeyValue> items = {{"a", "1"}, {"b", "2"}};
    CHECK(seen->PutMany(items, {}).ok());
    CHECK(seen->DeleteMany(std::vector<std::string>{"a", "b"}, {}).ok());
    const std::string& p = between.prefix;
    CHECK(store.asked == std::vector<std::string>{"put " + p + "k v 2an old one7s",
                                                  "get " + p + "k", "list " + p + "p/ " + p + "p/a",
                                                  "delete " + p + "k an old one", "check",
                                                  "get many", "put many " + p + "a " + p + "b",
                                                  "delete many " + p + "a " + p + "b"});
  }
}

}  // namespace
}  // namespace dr
