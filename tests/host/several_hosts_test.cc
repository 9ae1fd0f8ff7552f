// Hosts with one repository and no directory: one opens while another publishes and prunes.

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <functional>
#include <thread>

#include "dr/adapter/directory_store.h"
#include "dr/adapter/memory_store.h"
#include "dr/host.h"
#include "dr/repository/manifest.h"
#include "dr/stored_state.h"
#include "dr/testing/sim_clock.h"
#include "fmt/format.h"
#include "tests/host/borrowed_registry.h"
#include "tests/host/counter_component.h"
#include "tests/host/recording.h"
#include "tests/host/small_host.h"
#include "tests/repository/lossy_store.h"

namespace dr::test {
namespace {

/// Something else happens before each call.
class Interrupted final : public BorrowedStore {
 public:
  Interrupted(StateAdapter& store, std::function<void()> before)
      : BorrowedStore(store, store.capabilities()), before_(std::move(before)) {}
  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override {
    before_();
    return BorrowedStore::Put(key, value, options, context);
  }
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override {
    before_();
    return BorrowedStore::Get(key, context);
  }
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override {
    before_();
    return BorrowedStore::List(prefix, after, context);
  }
  absl::Status Delete(std::string_view key, const DeleteOptions& options,
                      const Context& context) override {
    before_();
    return BorrowedStore::Delete(key, options, context);
  }

 private:
  const std::function<void()> before_;
};

HostOptions OptionsOf(std::vector<StatefulComponent*> components) {
  HostOptions options;
  options.repository = kBorrowed;
  options.components = std::move(components);
  options.durability = Durability::kProcess;
  options.checkpoint = {.on_shutdown = false, .keep = 1};
  options.log.ring_capacity = 16;
  return options;
}

std::optional<FaultKind> KindOf(const absl::Status& status) {
  const std::optional<Fault> fault = FaultOf(status);
  return fault ? std::optional(fault->kind) : std::nullopt;
}

std::string EntryKey(std::uint64_t sequence) { return fmt::format("entry/{:020}", sequence); }

// Another host's thread: within a component's callback no thread calls back into dr.
void Elsewhere(const std::function<void()>& work) { std::thread(work).join(); }

/// A host that has published in a store whose numbers have come as far as `first`.
struct Publisher {
  MemoryStore& store;
  Counters a{"a"}, b{"b"};
  Recording events;
  std::unique_ptr<Host> host;
  std::uint64_t saved = 0;

  Publisher(MemoryStore& used, std::uint64_t first) : store(used) {
    if (first > 1) {
      const BackupManifest old{.sequence = first, .log = {.high = 0, .low = 7}, .epoch = {1}};
      REQUIRE_OK(store.Put(EntryKey(first), Value(EncodeManifest(old)), {}, {}).status());
    }
    HostOptions options = OptionsOf({&a, &b});
    options.environment.observer = &events;
    host = Value(Host::Open(std::move(options), Borrowed(store)));
    REQUIRE_OK(b.Add("once"));
    REQUIRE(Publish());
  }
  /// False once it has been followed.
  bool Publish() {
    if (!a.Add("x").ok()) return false;
    const absl::Status taken = host->Checkpoint().status();
    if (!taken.ok()) REQUIRE(KindOf(taken) == FaultKind::kFenced);
    saved += taken.ok();
    return taken.ok();
  }
};

TEST_CASE(
    "An open that another host's checkpoints interrupt at any call finds no damage (K43 K73)") {
  // The number behind 1023 lets all before it be free again.
  const std::uint64_t first = GENERATE(1, 1018);
  const int checkpoints = GENERATE(1, 2, 3, 12);
  const int times = GENERATE(1, 20);  // in a row
  for (int nth = 1;; ++nth) {
    INFO("first " << first << ", call " << nth << ", checkpoints " << checkpoints);
    MemoryStore memory{1 << 20};
    Publisher one(memory, first);
    int calls = 0;
    Interrupted interrupted(memory, [&] {
      if (++calls < nth || calls >= nth + times) return;
      Elsewhere([&] {
        for (int i = 0; i < checkpoints; ++i) one.Publish();
      });
    });
    Counters a("a"), b("b");
    HostOptions options = OptionsOf({&a, &b});
    Recording events;
    options.environment.observer = &events;
    auto other = Host::Open(std::move(options), Borrowed(interrupted));
    REQUIRE_OK(other);
    CHECK(a.Count("x") == one.saved);
    CHECK(b.Count("once") == 1);
    CHECK(events.Of(EventKind::kPruneFailed).empty());
    CHECK(one.events.Of(EventKind::kPruneFailed).empty());
    CHECK(KindOf(one.host->Checkpoint().status()) == FaultKind::kFenced);
    if (calls < nth) break;
  }
}

TEST_CASE("An open beside a host that publishes without end goes on until its context ends (K73)") {
  SimClock clock;
  MemoryStore memory(1 << 20, clock);
  Publisher one(memory, 1);
  Interrupted interrupted(memory, [&] {
    clock.Advance(std::chrono::milliseconds(10));
    Elsewhere([&] { one.Publish(); });
  });
  Counters a("a"), b("b");
  HostOptions options = OptionsOf({&a, &b});
  options.environment.clock = &clock;
  const auto other = Host::Open(std::move(options), Borrowed(interrupted),
                                {.deadline = clock.Now() + std::chrono::seconds(3)});
  CHECK(absl::IsDeadlineExceeded(other.status()));
  CHECK(one.saved > 100);
  CHECK(one.Publish());
}

TEST_CASE("A call of a host that is followed in the middle of it is fenced and not damaged (K73)") {
  const std::uint64_t first = GENERATE(1, 1018);
  const bool load = GENERATE(false, true);
  for (int nth = 1;; ++nth) {
    INFO("first " << first << ", load " << load << ", call " << nth);
    MemoryStore memory{1 << 20};
    std::function<void()> before = [] {};
    Interrupted interrupted(memory, [&] { before(); });
    Publisher one(memory, first);
    one.host.reset();
    Counters a("a"), b("b");
    Recording events;
    HostOptions options = OptionsOf({&a, &b});
    options.environment.observer = &events;
    auto host = Value(Host::Open(std::move(options), Borrowed(interrupted)));
    REQUIRE_OK(a.Add("y"));
    std::optional<Publisher> next;
    int calls = 0;
    before = [&] {
      if (++calls != nth) return;
      Elsewhere([&] {
        next.emplace(memory, 1);
        for (int i = 0; i < 12; ++i) next->Publish();
      });
    };
    const absl::Status done =
        load ? StateOf(*host)->LoadState("a").status() : host->Checkpoint().status();
    const bool interrupted_at_all = calls >= nth;
    before = [] {};
    INFO(done.ToString());
    CHECK((done.ok() || KindOf(done) == FaultKind::kFenced));
    for (const Event& event : events.Of(EventKind::kPruneFailed)) {
      CHECK_FALSE(absl::IsDataLoss(event.status));
    }
    if (!interrupted_at_all) break;
    CHECK(next->Publish());
    CHECK(KindOf(StateOf(*host)->LoadState("a").status()) == FaultKind::kFenced);
  }
}

/// Threads that open a host, publish some times, and open again once they are followed.
void Race(const std::function<std::unique_ptr<StateAdapter>()>& reach, int opens_wanted) {
  std::atomic<int> opens = 0, damaged = 0, other = 0;
  Mutex mutex;
  std::string first_error;
  const auto work = [&](unsigned seed) {
    while (opens < opens_wanted) {
      std::unique_ptr<StateAdapter> store = reach();
      Interrupted slow(*store, [&seed] {
        if (rand_r(&seed) % 4 == 0) {
          std::this_thread::sleep_for(std::chrono::microseconds(rand_r(&seed) % 200));
        }
      });
      Counters a("a"), b("b");
      HostOptions options = OptionsOf({&a, &b});
      auto host = Host::Open(std::move(options), Borrowed(slow));
      ++opens;
      if (!host.ok()) {
        ++(absl::IsDataLoss(host.status()) ? damaged : other);
        MutexLock lock(mutex);
        if (first_error.empty()) first_error = std::string(host.status().ToString());
        continue;
      }
      for (int i = 0; i < 6; ++i) {
        if (!a.Add("x").ok() || (i == 0 && !b.Add("y").ok())) break;
        const absl::Status saved = (*host)->Checkpoint().status();
        if (absl::IsDataLoss(saved)) ++damaged;
        if (!saved.ok()) break;
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 3; ++seed) threads.emplace_back(work, seed);
  for (std::thread& thread : threads) thread.join();
  INFO(opens << " opens; the first error: " << first_error);
  CHECK(damaged == 0);
  CHECK(other == 0);
}

TEST_CASE("2,000 opens beside hosts that publish meet no false damage (K73)", "[long]") {
  MemoryStore memory{1 << 20};
  Race([&] { return std::make_unique<BorrowedStore>(memory, memory.capabilities()); }, 2'000);
}

TEST_CASE("Opens beside hosts that publish into one folder meet no false damage (K73)", "[long]") {
  const TempDirectory folder;
  PosixFileSystem files;
  SystemClock clock;
  SystemRandom random;
  Race(
      [&] {
        // No assertion macro: several threads call this.
        auto directory = files.OpenDirectory(folder.path(), Create::kNever).value();
        return DirectoryStore::Open(std::move(directory), random, clock).value();
      },
      300);
}

TEST_CASE("A host that was followed is told by any call that would save (K77)") {
  const TempDirectory folder;
  MemoryStore memory{1 << 20};
  const std::string scheme = GENERATE("memory", "file", "rocksdb");
  const std::string call =
      GENERATE("Checkpoint", "SaveState", "DeleteState", "LoadState", "Step", "Shutdown");
  INFO(scheme << " " << call);
  AdapterRegistry registry = scheme == "memory" ? Borrowed(memory) : LinkedAdapters();
  const auto open = [&](Counters& a, Counters& b) {
    HostOptions options = OptionsOf({&a, &b});
    options.checkpoint.on_shutdown = true;
    options.checkpoint.operations = 1;
    if (scheme != "memory") options.repository = scheme + "://" + folder.path() + "/store";
    return Value(Host::Open(std::move(options), registry));
  };
  Counters a("a"), b("b");
  auto former = open(a, b);
  REQUIRE_OK(a.Add("x"));
  REQUIRE_OK(former->Checkpoint());
  Counters new_a("a"), new_b("b");
  auto host = open(new_a, new_b);
  // Nothing was noticed yet, and kProcess promises nothing.
  const bool something_to_write = call == "Step" || GENERATE(false, true);
  if (something_to_write) REQUIRE_OK(a.Add("lost"));
  const std::map<std::string, std::function<absl::Status()>> calls = {
      {"Checkpoint", [&] { return former->Checkpoint().status(); }},
      {"SaveState", [&] { return StateOf(*former)->SaveState("a").status(); }},
      {"DeleteState", [&] { return StateOf(*former)->DeleteState("b"); }},
      {"LoadState", [&] { return StateOf(*former)->LoadState("a").status(); }},
      {"Step", [&] { return former->Step(); }},
      {"Shutdown", [&] { return former->Shutdown(); }},
  };
  CHECK(KindOf(calls.at(call)()) == FaultKind::kFenced);
  if (call != "Shutdown") CHECK(KindOf(a.Add("x").status()) == FaultKind::kFenced);
  REQUIRE_OK(new_a.Add("y"));
  REQUIRE_OK(host->Checkpoint());
  CHECK(new_a.Count("lost") == 0);
}

TEST_CASE("A checkpoint with nothing to save needs no store that answers (K77)") {
  SimClock clock;
  test::LossyStore lossy(clock);
  Counters a("a"), b("b");
  HostOptions options = OptionsOf({&a, &b});
  options.environment.clock = &clock;
  auto host = Value(Host::Open(std::move(options), Borrowed(lossy)));
  REQUIRE_OK(a.Add("x"));
  REQUIRE_OK(host->Checkpoint());
  lossy.gets_fail = true;
  CHECK(Value(host->Checkpoint()).sequence == 0);
  REQUIRE_OK(host->Shutdown());
}

TEST_CASE("A publication without an answer is neither another host's nor forgotten (K76)") {
  SimClock clock;
  test::LossyStore lossy(clock);
  const auto open = [&](Counters& a, Counters& b) {
    HostOptions options = OptionsOf({&a, &b});
    options.environment.clock = &clock;
    return Value(Host::Open(std::move(options), Borrowed(lossy)));
  };
  Counters a("a"), b("b");
  auto host = open(a, b);
  REQUIRE_OK(a.Add("x"));
  REQUIRE_OK(b.Add("x"));
  REQUIRE_OK(host->Checkpoint());
  REQUIRE_OK(a.Add("y"));
  REQUIRE_OK(b.Add("y"));
  lossy.prefix = "entry/";
  lossy.loss = GENERATE(test::Loss::kAnswer, test::Loss::kCall);
  lossy.losses = 1000;
  CHECK(absl::IsUnknown(host->Checkpoint().status()));
  lossy.losses = 0;
  SECTION("what it saved is what is loaded") {
    CHECK(Value(StateOf(*host)->LoadState("a")) == StateOutcome::kRestored);
    CHECK(a.Count("y") == 1);
    REQUIRE_OK(host->Checkpoint());
  }
  SECTION("what it replaced is named no more, though a failure had it pruned") {
    REQUIRE_OK(a.Add("z"));
    lossy.prefix = "data/";
    lossy.loss = test::Loss::kRefused;
    lossy.losses = 1;
    CHECK(absl::IsResourceExhausted(host->Checkpoint().status()));
    REQUIRE_OK(StateOf(*host)->SaveState("a"));
    Counters new_a("a"), new_b("b");
    auto next = open(new_a, new_b);
    CHECK(new_a.Count("z") == 1);
    CHECK(new_b.Count("y") == 1);
  }
}

}  // namespace
}  // namespace dr::test
