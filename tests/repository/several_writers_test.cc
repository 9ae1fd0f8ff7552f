// Hosts that know nothing of each other on one repository, interleaved at their calls of the store.

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dr/adapter/memory_store.h"
#include "dr/mutex.h"
#include "tests/repository/checkpoints.h"
#include "tests/support/borrowed_store.h"

namespace dr {
namespace {

using test::ManifestOf;

constexpr int kToItsEnd = std::numeric_limits<int>::max();
constexpr int kRounds = 3;
// The rung behind 2045 and a few numbers is near, and prunes what is before it for good.
constexpr std::uint64_t kFirst = 2045;

std::string EntryKey(std::uint64_t sequence) { return fmt::format("entry/{:020}", sequence); }

/// Who runs, and up to which of its calls; then the next. Hosts are threads of which one runs.
struct Leg {
  std::size_t host;
  int calls;
};

class Turns {
 public:
  explicit Turns(std::vector<Leg> legs, std::size_t hosts) : legs_(std::move(legs)), done_(hosts) {}

  void AwaitFirst(std::size_t host) {
    MutexLock lock(mutex_);
    Await(host);
  }
  void Call(std::size_t host) {
    MutexLock lock(mutex_);
    if (calls_++ >= legs_[at_].calls) Pass();
    Await(host);
  }
  void End(std::size_t host) {
    MutexLock lock(mutex_);
    done_[host] = true;
    Pass();
  }

 private:
  void Pass() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    calls_ = 1;
    do {
      ++at_;
    } while (at_ < legs_.size() && done_[legs_[at_].host]);
    changed_.NotifyAll();
  }
  void Await(std::size_t host) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (at_ < legs_.size() && legs_[at_].host != host) {
      changed_.WaitFor(mutex_, std::chrono::seconds(1));
    }
  }

  Mutex mutex_;
  CondVar changed_;
  const std::vector<Leg> legs_;
  std::size_t at_ ABSL_GUARDED_BY(mutex_) = 0;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<bool> done_ ABSL_GUARDED_BY(mutex_);
};

/// What is stored, and what was ever published. One thread at a time.
struct World {
  MemoryStore store;
  std::map<std::uint64_t, std::vector<std::string>> published;  ///< stored bytes by sequence
  std::uint64_t broken = 0;
  std::function<void()> late = nullptr;  ///< a write that arrives once more

  /// The newest entry names nothing that is missing.
  void Check() {
    Page page = *store.List("entry/", "", {});
    const Item newest = *store.Get(page.entries.back().key, {});
    const BackupManifest manifest = *DecodeManifest(newest.value, "newest");
    for (const ComponentSnapshot& snapshot : manifest.components) {
      for (const ObjectRef& object : snapshot.objects) broken += !store.Get(object.name, {}).ok();
    }
  }
};

/// The world as one host reaches it.
class Reached final : public test::SingleCalls {
 public:
  Reached(World& world, Turns& turns, std::size_t host, int twice, int late)
      : SingleCalls(world.store),
        world_(world),
        turns_(turns),
        host_(host),
        twice_(twice),
        late_(late) {}

  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override {
    const auto put = [this, key = std::string(key), value = std::string(value), options] {
      static_cast<void>(world_.store.Put(key, value, options, {}));
    };
    BeforeCall(put);
    auto version = world_.store.Put(key, value, options, context);
    if (key.starts_with("entry/")) world_.Check();
    return version;
  }
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override {
    // Rungs that nobody comes near are no place to be interrupted.
    if (key < EntryKey(3000) || !key.starts_with("entry/")) BeforeCall();
    return world_.store.Get(key, context);
  }
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override {
    BeforeCall();
    return world_.store.List(prefix, after, context);
  }
  absl::Status Delete(std::string_view key, const DeleteOptions& options,
                      const Context& context) override {
    BeforeCall(
        [this, key = std::string(key)] { static_cast<void>(world_.store.Delete(key, {}, {})); });
    absl::Status deleted = world_.store.Delete(key, options, context);
    world_.Check();
    return deleted;
  }
  absl::Status Check(const Context&) override { return absl::OkStatus(); }
  int calls() const { return calls_; }

 private:
  void BeforeCall(std::function<void()> write = nullptr) {
    turns_.Call(host_);
    ++calls_;
    if (calls_ == twice_) world_.late = std::move(write);
    if (calls_ == late_ && world_.late) std::exchange(world_.late, nullptr)();
  }

  World& world_;
  Turns& turns_;
  const std::size_t host_;
  const int twice_, late_;  ///< the call that is a write which arrives twice, and when it does
  int calls_ = 0;
};

/// As a host does: claims, then writes, publishes and prunes until it is told that it is over.
void Live(World& world, StateAdapter& store, std::size_t host) {
  SimClock clock;  // all at the same time
  SimRandom random(host + 1);
  std::unique_ptr<Repository> repository;
  absl::StatusOr<BackupManifest> newest = absl::AbortedError("");
  for (int attempt = 0; attempt < 2 && absl::IsAborted(newest.status()); ++attempt) {
    repository = *Repository::Open(store, clock, random, {.shared = true});
    const auto found = repository->Newest({});
    newest = found.ok() ? repository->Claim(*found, {}) : found.status();
  }
  const auto note = [&] { world.published[newest->sequence].push_back(*EncodeManifest(*newest)); };
  if (!newest.ok()) return;
  note();
  static_cast<void>(repository->Prune(1, newest->epoch, {}));
  for (int round = 0; round < kRounds; ++round) {
    const Epoch epoch = newest->epoch;
    const std::string component = fmt::format("c{}", (host + static_cast<std::size_t>(round)) % 2);
    auto out = repository->NewSnapshot(component, {"c", 1}, {1}, epoch, {});
    REQUIRE(out->Write("state").ok());
    BackupManifest next = *std::move(newest);
    std::erase_if(next.components, [&](const auto& c) { return c.component == component; });
    next.components.push_back(*out->Finish());
    newest = repository->Publish(std::move(next), {});
    if (!newest.ok()) return;  // and nothing is pruned
    note();
    static_cast<void>(repository->Prune(1, epoch, {}));
  }
}

struct Outcome {
  std::uint64_t broken = 0;     ///< times that the newest entry named something missing
  std::uint64_t rivals = 0;     ///< publications that were told OK for one number, beyond the first
  std::vector<int> calls = {};  ///< of each host
};

Outcome Run(std::size_t hosts, std::vector<Leg> legs, int twice = 0, int late = 0) {
  World world;
  {
    // An owner of long ago, whose older entries are gone as far as they may be.
    SimClock clock;
    SimRandom random(99);
    auto repository = *Repository::Open(world.store, clock, random, {.shared = true});
    auto out = repository->NewSnapshot("c0", {"c", 1}, {1}, {7}, {});
    REQUIRE(out->Write("state").ok());
    BackupManifest manifest = ManifestOf({*out->Finish()});
    manifest.sequence = kFirst;
    REQUIRE(world.store.Put(EntryKey(kFirst), *EncodeManifest(manifest), {}, {}).ok());
    REQUIRE(world.store.Put(EntryKey(kFirst - 1), "", {}, {}).ok());
  }
  for (std::size_t host = 0; host < hosts; ++host) legs.push_back({host, kToItsEnd});
  Turns turns(legs, hosts);
  std::vector<std::unique_ptr<Reached>> reached;
  std::vector<std::thread> threads;
  for (std::size_t host = 0; host < hosts; ++host) {
    reached.push_back(
        std::make_unique<Reached>(world, turns, host, host == 0 ? twice : 0, host == 1 ? late : 0));
  }
  for (std::size_t host = 0; host < hosts; ++host) {
    threads.emplace_back([&, host] {
      turns.AwaitFirst(host);
      Live(world, *reached[host], host);
      turns.End(host);
    });
  }
  for (std::thread& thread : threads) thread.join();
  Outcome outcome{.broken = world.broken};
  for (const auto& [sequence, bytes] : world.published) outcome.rivals += bytes.size() - 1;
  for (const auto& one : reached) outcome.calls.push_back(one->calls());
  return outcome;
}

TEST_CASE("P18, P19: Two hosts, each interrupted anywhere: one history, and nothing is missing",
          "[long]") {
  const int calls = Run(2, {}).calls[0];
  REQUIRE(calls > 20);
  std::uint64_t runs = 0, broken = 0, rivals = 0;
  for (int first = 1; first <= calls; ++first) {
    for (int second = 1; second <= calls + 1; ++second) {
      const Outcome outcome = Run(2, {{0, first}, {1, second}, {0, kToItsEnd}});
      broken += outcome.broken;
      rivals += outcome.rivals;
      ++runs;
    }
  }
  INFO(runs << " runs");
  CHECK(broken == 0);
  CHECK(rivals == 0);
}

TEST_CASE("P18: Three hosts, two of them interrupted: one history, and nothing is missing",
          "[long]") {
  const int calls = Run(1, {}).calls[0];
  std::uint64_t broken = 0, rivals = 0;
  for (int first = 1; first <= calls; first += 2) {
    for (int second = 1; second <= calls; ++second) {
      for (const bool oldest_first : {false, true}) {
        const std::size_t next = oldest_first ? 0 : 1;
        const Outcome outcome = Run(3, {{0, first}, {1, second}, {2, 30}, {next, kToItsEnd}});
        broken += outcome.broken;
        rivals += outcome.rivals;
      }
    }
  }
  CHECK(broken == 0);
  CHECK(rivals == 0);
}

TEST_CASE("P16: A write that arrives again while another host is at work breaks nothing",
          "[long]") {
  const int calls = Run(1, {}).calls[0];
  std::uint64_t broken = 0, rivals = 0;
  for (int twice = 1; twice <= calls; ++twice) {
    for (int late = 1; late <= calls; late += 2) {
      const Outcome outcome = Run(2, {{0, twice + 3}, {1, kToItsEnd}}, twice, late);
      broken += outcome.broken;
      rivals += outcome.rivals;
    }
  }
  CHECK(broken == 0);
  CHECK(rivals == 0);
}

}  // namespace
}  // namespace dr
