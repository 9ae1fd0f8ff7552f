// What stands between a host and its store: limits that reach it, and what is counted there.

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "dr/adapter/memory_store.h"
#include "dr/status.h"
#include "dr/stored_state.h"
#include "tests/host/borrowed_registry.h"
#include "tests/host/counter_component.h"
#include "tests/host/small_host.h"

namespace dr::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Its calls can take a while, or last as long as the caller lets them.
class SlowStore final : public BorrowedStore {
 public:
  explicit SlowStore(StateAdapter& store) : BorrowedStore(store, store.capabilities()) {}

  std::atomic<bool> hangs = false;
  std::atomic<int> inside_max = 0;
  std::atomic<milliseconds> pause = milliseconds(0);

  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override {
    if (absl::Status waited = Linger(context); !waited.ok()) return waited;
    return BorrowedStore::Put(key, value, options, context);
  }
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override {
    if (absl::Status waited = Linger(context); !waited.ok()) return waited;
    return BorrowedStore::Get(key, context);
  }

 private:
  absl::Status Linger(const Context& context) {
    const int inside = ++inside_;
    inside_max = std::max(inside_max.load(), inside);
    if (pause.load().count() > 0) std::this_thread::sleep_for(pause.load());
    absl::Status status;
    while (hangs && status.ok()) {
      std::this_thread::sleep_for(milliseconds(1));
      status = CheckContext(context, clock_, "the call");
    }
    --inside_;
    return status;
  }

  SystemClock clock_;
  std::atomic<int> inside_ = 0;
};

struct StorePlace {
  SystemClock clock;
  MemoryStore memory{16 << 20, clock};
  SlowStore store{memory};

  absl::StatusOr<std::unique_ptr<Host>> Open(Counters& counters, LayerOptions layers) {
    HostOptions options{
        .repository = kBorrowed, .components = {&counters}, .durability = Durability::kProcess};
    options.store = std::move(layers);
    return Host::Open(std::move(options), Borrowed(store));
  }
};

TEST_CASE("A host puts all it has beneath HostOptions::store.prefix, and finds it there again") {
  StorePlace place;
  for (int life = 0; life < 2; ++life) {
    Counters counters;
    auto host = Value(place.Open(counters, {.prefix = "agent7/"}));
    CHECK(counters.Total() == static_cast<std::uint64_t>(life));
    REQUIRE_OK(counters.Add("a"));
    REQUIRE_OK(host->Checkpoint().status());
  }
  const Page all = Value(place.memory.List("", "", {}));
  REQUIRE_FALSE(all.entries.empty());
  for (const ListEntry& entry : all.entries) CHECK(entry.key.starts_with("agent7/"));
  Counters other;
  auto host = Value(place.Open(other, {.prefix = "agent8/"}));
  CHECK(other.Total() == 0);
}

TEST_CASE("A host's bandwidth is limited: what a byte a second cannot carry ends at the deadline") {
  StorePlace place;
  Counters counters;
  LayerOptions slow;
  slow.bandwidth.bytes_per_second = 1'000;
  auto host = Value(place.Open(counters, slow));
  REQUIRE_OK(counters.Add(std::string(1 << 20, 'a')));
  const Context context{.deadline = place.clock.Now() + milliseconds(50)};
  CHECK(absl::IsDeadlineExceeded(host->Checkpoint(CheckpointMode::kFuzzy, context).status()));

  Counters free;
  StorePlace unlimited;
  auto fast = Value(unlimited.Open(free, {}));
  REQUIRE_OK(free.Add(std::string(1 << 20, 'a')));
  REQUIRE_OK(fast->Checkpoint().status());
}

TEST_CASE("A host's calls at a time in the store are limited") {
  StorePlace place;
  Counters counters;
  auto host = Value(place.Open(counters, {.concurrency_max = 1}));
  REQUIRE_OK(counters.Add("a"));
  REQUIRE_OK(host->Checkpoint().status());
  place.store.pause = milliseconds(5);
  place.store.inside_max = 0;
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 5; ++turn) {
        if (!StateOf(*host)->LoadState(counters.id()).ok()) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failures == 0);
  CHECK(place.store.inside_max == 1);
}

TEST_CASE(
    "One attempt in a host's store ends in time, is repeated as often as asked, and counted") {
  StorePlace place;
  Counters counters;
  LayerOptions layers{.attempt_timeout = milliseconds(20)};
  layers.retry.attempts_max = 2;
  layers.retry.longest_pause = layers.retry.first_pause = milliseconds(1);
  auto host = Value(place.Open(counters, layers));
  REQUIRE_OK(counters.Add("a"));
  REQUIRE_OK(host->Checkpoint().status());
  const StoreFigures before = host->figures().store;
  CHECK(before.available);
  CHECK(before.unavailable_since.is_never());
  CHECK(before.retries == 0);
  CHECK(before.Of(StoreCall::kPut).calls + before.Of(StoreCall::kPutMany).calls > 0);
  CHECK(before.Of(StoreCall::kPut).bytes_sent + before.Of(StoreCall::kPutMany).bytes_sent > 0);
  place.store.hangs = true;
  REQUIRE_OK(counters.Add("b"));
  const absl::Status taken = host->Checkpoint().status();
  INFO(taken.ToString());
  CHECK_FALSE(taken.ok());
  const StoreFigures during = host->figures().store;
  CHECK_FALSE(during.available);
  CHECK(during.unavailable_since <= place.clock.Now());
  CHECK_FALSE(during.last_error.ok());
  CHECK(during.retries > 0);
  place.store.hangs = false;
  REQUIRE_OK(host->Checkpoint().status());
  CHECK(host->figures().store.available);
}

TEST_CASE("HostOptions::store is checked, and refused where there is no repository") {
  StorePlace place;
  Counters counters;
  LayerOptions never;
  never.retry.attempts_max = 0;
  CHECK(absl::IsInvalidArgument(place.Open(counters, never).status()));

  TempDirectory directory;
  Counters local;
  HostOptions options = Options(directory, {&local});
  options.store.concurrency_max = 4;
  const absl::Status refused = Host::Open(std::move(options), {}).status();
  CHECK(absl::IsInvalidArgument(refused));
  CHECK(AsStd(refused.message()).find("HostOptions::store") != std::string_view::npos);
}

}  // namespace
}  // namespace dr::test
