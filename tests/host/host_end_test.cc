// The end of a host, from every side at once, and its waits.

#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "dr/adapter/memory_store.h"
#include "dr/testing/sim_clock.h"
#include "src/base/turn.h"
#include "src/host/gate.h"
#include "tests/host/borrowed_registry.h"
#include "tests/host/counter_component.h"
#include "tests/host/recording.h"
#include "tests/host/small_host.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// ---- What is given back -------------------------------------------------------------------------

TEST_CASE("behind Shutdown the directory is free though the host object lives (K93)") {
  TempDirectory directory;
  std::vector<std::unique_ptr<Host>> hosts;
  std::vector<std::unique_ptr<Counters>> lives;
  for (std::uint64_t life = 0; life < 4; ++life) {
    lives.push_back(std::make_unique<Counters>());
    hosts.push_back(Value(Host::Open(Options(directory, {lives.back().get()}), {})));
    CHECK(lives.back()->Total() == life);
    if (life % 2 == 1) REQUIRE_OK(hosts.back()->Start());
    REQUIRE_OK(lives.back()->Add("a"));
    REQUIRE_OK(hosts.back()->Shutdown());
    const Figures figures = hosts.back()->figures();
    CHECK(figures.operations == 1);
    CHECK(figures.durable.lsn.value == life + 1);
    CHECK(figures.checkpoints == 1);
    CHECK(hosts.back()->next_deadline().is_never());
  }
  for (const auto& host : hosts) {
    CHECK(host->Checkpoint().status().code() == absl::StatusCode::kFailedPrecondition);
  }
}

TEST_CASE("nothing of a host writes to the directory behind its Shutdown (K93)") {
  TempDirectory directory;
  for (std::uint64_t life = 0; life < 8; ++life) {
    Counters counters, next;
    HostOptions options = Options(directory, {&counters});
    options.checkpoint.operations = 3;
    auto host = Value(Host::Open(std::move(options), {}));
    if (life % 2 == 0) REQUIRE_OK(host->Start());
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    const auto until_refused = [&](auto call) {
      threads.emplace_back([&wrong, call] {
        for (absl::Status status; status.ok();) {
          status = call();
          if (!status.ok() && status.code() != absl::StatusCode::kFailedPrecondition) ++wrong;
        }
      });
    };
    until_refused([&] { return host->Checkpoint().status(); });
    until_refused([&] { return host->Checkpoint().status(); });
    until_refused([&] { return host->Step(); });
    until_refused([&] { return counters.Add("a").status(); });
    until_refused([&] {
      static_cast<void>(host->figures());
      static_cast<void>(host->next_deadline());
      return host->descriptor().status();
    });
    while (counters.Total() < 5) std::this_thread::yield();
    REQUIRE_OK(host->Shutdown());
    const std::uint64_t total = counters.Total();
    auto second = Value(Host::Open(Options(directory, {&next}), {}));
    CHECK(next.Total() == total);
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
    REQUIRE_OK(second->Shutdown());
  }
}

TEST_CASE("of two Shutdowns at once one shuts down and the other is told so (K93)") {
  for (int round = 0; round < 20; ++round) {
    TempDirectory directory;
    Counters counters;
    auto host = Value(Host::Open(Options(directory, {&counters}), {}));
    REQUIRE_OK(host->Start());
    REQUIRE_OK(counters.Add("a"));
    std::atomic<int> done = 0, refused = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        const absl::Status shut = host->Shutdown();
        if (shut.ok()) ++done;
        if (shut.code() == absl::StatusCode::kFailedPrecondition) ++refused;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(done == 1);
    CHECK(refused == 2);
  }
}

// ---- Calls that would wait for themselves -------------------------------------------------------

TEST_CASE("Shutdown from inside a call of the host is refused and not waited for (K93)") {
  const bool started = GENERATE(false, true);
  TempDirectory directory;
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  std::atomic<int> code = -1;
  counters.AddAsync("a", [&](absl::StatusOr<Lsn>) { code = int(host->Shutdown().code()); });
  if (started) {
    REQUIRE_OK(host->Start());
    while (code < 0) std::this_thread::yield();
  } else {
    static_cast<void>(host->Step());
  }
  CHECK(code == int(absl::StatusCode::kFailedPrecondition));
  REQUIRE_OK(host->Shutdown());
}

TEST_CASE("a component that calls the host from a callback is refused and named (K93)") {
  TempDirectory directory;
  Counters counters("calls");
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  REQUIRE_OK(counters.Add("a"));
  absl::Status inner;
  counters.while_saving = [&] { inner = host->Checkpoint().status(); };
  const absl::Status outer = host->Checkpoint().status();
  CHECK(inner.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(FaultOf(outer)->place == "calls");
}

// ---- Waits --------------------------------------------------------------------------------------

TEST_CASE("a wait for a turn ends by turn deadline or stop whichever comes first (K93)") {
  const SystemClock clock;
  std::mt19937 random(3);
  std::uint64_t taken = 0, late = 0, stopped = 0;
  for (int round = 0; round < 300; ++round) {
    Turn turn(clock);
    Turn::Hold hold = Value(turn.Take({}, "the other"));
    std::stop_source stop;
    Context context{.stop = stop.get_token()};
    const auto some = [&] { return microseconds(random() % 300); };
    const int first = static_cast<int>(random() % 3);
    if (first == 1) context.deadline = clock.Now() + some();
    const auto pause = some();
    std::thread other([&] {
      std::this_thread::sleep_for(pause);
      if (first == 2) stop.request_stop();
      hold.reset();
    });
    const absl::StatusOr<Turn::Hold> got = turn.Take(context, "the other");
    other.join();
    taken += got.ok();
    late += absl::IsDeadlineExceeded(got.status());
    stopped += absl::IsCancelled(got.status());
    CHECK(turn.taken() == got.ok());
  }
  CHECK(taken + late + stopped == 300);
  CHECK(taken > 0);
}

TEST_CASE("closing a gate ends when all are out or its context does and lets in no one (K93)") {
  const SystemClock clock;
  for (int round = 0; round < 300; ++round) {
    Gate gate(clock);
    std::stop_source stop;
    std::atomic<bool> in = false;
    std::thread other([&] {
      const Gate::Visit visit(gate);
      in = visit.let_in();
      if (round % 2 == 0) stop.request_stop();
    });
    while (!in) std::this_thread::yield();
    const absl::Status closed = gate.Close({.stop = stop.get_token()});
    CHECK((closed.ok() || absl::IsCancelled(closed)));
    CHECK_FALSE(Gate::Visit(gate).let_in());
    other.join();
    REQUIRE_OK(gate.Close({}));
  }
}

TEST_CASE(
    "Shutdown with a deadline or a stop ends while a checkpoint hangs and later is done (K93)") {
  for (int round = 0; round < 6; ++round) {
    TempDirectory directory;
    Counters counters;
    auto host = Value(Host::Open(Options(directory, {&counters}), {}));
    if (round % 2 == 1) REQUIRE_OK(host->Start());
    REQUIRE_OK(counters.Add("a"));
    std::atomic<bool> reached = false, open = false;
    counters.while_saving = [&] {
      reached = true;
      while (!open) std::this_thread::sleep_for(milliseconds(1));
    };
    std::thread checkpoint([&] { static_cast<void>(host->Checkpoint()); });
    while (!reached) std::this_thread::yield();
    std::stop_source stop;
    std::thread stops([&] { stop.request_stop(); });
    const absl::Status shut = host->Shutdown({.stop = stop.get_token()});
    CHECK(shut.code() == absl::StatusCode::kCancelled);
    stops.join();
    open = true;
    REQUIRE_OK(host->Shutdown());
    checkpoint.join();
  }
}

// ---- A store that does not answer ---------------------------------------------------------------

/// While it is away each call takes two seconds, as with timeout_ms=2000, and is refused. If it
/// hangs, a call ends when it is told to stop, and the store is back then.
class StoppedStore final : public BorrowedStore {
 public:
  StoppedStore(StateAdapter& store, SimClock& clock)
      : BorrowedStore(store, store.capabilities()), clock_(clock) {}
  std::atomic<bool> away = false, hangs = false;
  std::atomic<int> calls = 0;

  absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                              const PutOptions& options, const Context& context) override {
    if (away) return Away(context);
    return BorrowedStore::Put(key, value, options, context);
  }
  absl::StatusOr<Item> Get(std::string_view key, const Context& context) override {
    if (away) return Away(context);
    return BorrowedStore::Get(key, context);
  }
  absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                            const Context& context) override {
    if (away) return Away(context);
    return BorrowedStore::List(prefix, after, context);
  }
  absl::Status PutMany(std::span<const KeyValue> items, const Context& context) override {
    if (away) return Away(context);
    return BorrowedStore::PutMany(items, context);
  }

 private:
  absl::Status Away(const Context& context) {
    ++calls;
    if (hangs) {
      while (!context.stop.stop_requested()) std::this_thread::sleep_for(milliseconds(1));
      away = false;
    }
    clock_.Advance(seconds(2));
    if (absl::Status over = CheckContext(context, clock_, "the call"); !over.ok()) return over;
    return MakeFault({.kind = FaultKind::kBusy, .next = "start it"}, "the server is stopped");
  }

  SimClock& clock_;
};

struct StoppedPlace {
  SimClock clock;
  MemoryStore memory{1 << 20, clock};
  StoppedStore store{memory, clock};
  Recording events;

  std::unique_ptr<Host> Open(Counters& counters) {
    return Value(Host::Open({.repository = kBorrowed,
                             .components = {&counters},
                             .durability = Durability::kProcess,
                             .environment = {.clock = &clock, .observer = &events}},
                            Borrowed(store)));
  }
};

TEST_CASE("Shutdown without a deadline gives a stopped store up after 20 s with its error (K54)") {
  StoppedPlace place;
  Counters counters;
  auto host = place.Open(counters);
  REQUIRE_OK(counters.Add("a"));
  place.store.away = true;
  for (int attempt = 0; attempt < 2; ++attempt) {
    const Instant start = place.clock.Now();
    const absl::Status shut = host->Shutdown();
    INFO(shut.ToString());
    CHECK(absl::IsUnavailable(shut));
    CHECK(place.clock.Now() - start <= seconds(22));
    CHECK(place.clock.Now() - start >= seconds(10));
  }
  const StoreFigures state = host->figures().store;
  CHECK_FALSE(state.available);
  CHECK(state.unavailable_since < place.clock.Now());
  CHECK(absl::IsUnavailable(state.last_error));
  place.store.away = false;
  REQUIRE_OK(host->Shutdown());
  CHECK(host->figures().store.available);
  Counters next;
  auto second = place.Open(next);
  CHECK(next.Total() == 1);
}

TEST_CASE("Shutdown ends a checkpoint of the host's own at once and takes one itself (K54)") {
  StoppedPlace place;
  Counters counters;
  auto host = place.Open(counters);
  REQUIRE_OK(host->Start());
  REQUIRE_OK(counters.Add("a"));
  place.store.hangs = true;
  place.store.away = true;
  const int before = place.store.calls;
  place.clock.Advance(seconds(10));
  while (place.store.calls == before) std::this_thread::sleep_for(milliseconds(1));
  REQUIRE_OK(host->Shutdown());
  CHECK(place.store.calls == before + 1);
  CHECK(host->figures().checkpoints == 1);
  CHECK(host->figures().checkpoint_failures == 0);
  CHECK(place.events.Of(EventKind::kCheckpointFailed).empty());
}

}  // namespace
}  // namespace dr::test
