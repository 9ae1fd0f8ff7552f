// Every wait of a component ends with its context, and none is for another component's callbacks.

#include <catch2/catch.hpp>
#include <optional>
#include <thread>

#include "dr/adapter/memory_store.h"
#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_file_system.h"
#include "tests/component/gate.h"
#include "tests/component/ground.h"
#include "tests/component/scripted_component.h"
#include "tests/host/borrowed_registry.h"
#include "tests/host/counter_component.h"
#include "tests/host/recording.h"
#include "tests/host/small_host.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

bool IsComponentFault(const absl::Status& status, std::string_view component) {
  const std::optional<Fault> fault = FaultOf(status);
  return fault && fault->kind == FaultKind::kComponent && fault->place == component;
}
FaultKind KindOf(const absl::Status& status) {
  INFO(status.ToString());
  REQUIRE(FaultOf(status));
  return FaultOf(status)->kind;
}

// ---- Locks that the caller has ------------------------------------------------------------------

/// Lets a test lock the state as the component's own methods do.
class Locked : public Counters {
 public:
  using Counters::Counters;
  SharedMutex& lock() const { return state_mutex(); }
};

TEST_CASE("a commit of a thread that holds the component's state lock is refused by name (K5)") {
  TempDirectory directory;
  Locked a("a"), b("b");
  auto host = Value(Host::Open(Options(directory, {&a, &b}), {}));
  const auto refused = [&](const absl::Status& status) {
    CHECK(KindOf(status) == FaultKind::kUsage);
    CHECK(FaultOf(status)->place == "a");
  };
  const auto try_all = [&] {
    refused(a.Add("x").status());
    refused(a.AddIf([] { return "x"; }).status());
    const ComponentCommit batch[] = {{&a, "x"}, {&b, "x"}};
    refused(CommitAll(batch).status());
    std::optional<absl::Status> told;
    a.AddAsync("x", [&](absl::StatusOr<Lsn> lsn) { told = lsn.status(); });
    REQUIRE_OK(host->Step());
    REQUIRE(told);
    refused(*told);
    REQUIRE_OK(b.Add("y"));  // another component's lock is nothing to it
  };
  {
    ReaderLock lock(a.lock());
    try_all();
  }
  {
    WriterLock lock(a.lock());
    try_all();
  }
  REQUIRE_OK(a.Add("x"));
  CHECK(a.Total() == 1);
}

TEST_CASE("a decide that keeps the state lock commits nothing (K5)") {
  TempDirectory directory;
  Locked a("a");
  auto host = Value(Host::Open(Options(directory, {&a}), {}));
  std::optional<ReaderLock> kept;
  const absl::Status refused = a.AddIf([&]() -> absl::StatusOr<std::string> {
                                  kept.emplace(a.lock());
                                  return "x";
                                }).status();
  kept.reset();
  CHECK(KindOf(refused) == FaultKind::kUsage);
  CHECK(host->figures().pending == 0);
  REQUIRE_OK(a.Add("x"));
}

TEST_CASE("a state lock that readers keep is an event at the callbacks' deadline (K5)") {
  const bool started = GENERATE(false, true);
  TempDirectory directory;
  Locked a("a");
  Recording events;
  HostOptions options = Options(directory, {&a});
  options.callback_deadline = std::chrono::milliseconds(100);
  options.environment.observer = &events;
  auto host = Value(Host::Open(std::move(options), {}));
  if (started) REQUIRE_OK(host->Start());
  std::future<absl::Status> other;
  {
    ReaderLock lock(a.lock());
    other = Elsewhere([&] { return a.Add("x").status(); });
    while (events.Of(EventKind::kStateHeld).empty()) std::this_thread::yield();
    CHECK(events.Of(EventKind::kStateHeld).front().component == "a");
  }
  REQUIRE_OK(InTime(other));
  CHECK(host->figures().failed_components.empty());
}

TEST_CASE("a commit with a deadline does not wait longer for readers of the state (K86)") {
  TempDirectory directory;
  Locked a("a");
  auto host = Value(Host::Open(Options(directory, {&a}), {}));
  std::future<absl::Status> late, stopped;
  std::stop_source stop;
  {
    ReaderLock lock(a.lock());
    late = Elsewhere(
        [&] { return a.Add("x", {.context = Within(std::chrono::milliseconds(20))}).status(); });
    CHECK(InTime(late).code() == absl::StatusCode::kUnknown);
    CommitOptions options;
    options.context.stop = stop.get_token();
    stopped = Elsewhere([&, options] { return a.Add("x", options).status(); });
    stop.request_stop();
    static_cast<void>(InTime(stopped));
  }
  REQUIRE_OK(a.Add("y"));
  CHECK(a.Count("x") >= 1);
}

// ---- Destruction --------------------------------------------------------------------------------

TEST_CASE("a component destroyed before its host is named and the others go on (K6)") {
  const bool started = GENERATE(false, true);
  TempDirectory directory;
  Recording events;
  Counters other("other");
  auto gone = std::make_unique<Counters>("gone");
  HostOptions options = Options(directory, {gone.get(), &other});
  options.environment.observer = &events;
  auto host = Value(Host::Open(std::move(options), {}));
  if (started) REQUIRE_OK(host->Start());
  REQUIRE_OK(gone->Add("x"));
  gone->AddAsync("x", [](absl::StatusOr<Lsn>) {});
  // No thread may be in a callback of what is destroyed; without Start none is.
  while (started && gone->Count("x") < 2) std::this_thread::yield();
  gone.reset();
  const std::vector<Event> failed = events.Of(EventKind::kComponentFailed);
  REQUIRE(failed.size() == 1);
  CHECK(failed[0].component == "gone");
  CHECK(failed[0].text.find("destroyed before its host") != std::string::npos);
  REQUIRE_OK(other.Add("y"));
  REQUIRE_OK(host->Step());
  CHECK(FaultOf(host->Checkpoint().status())->place == "gone");
  CHECK(host->figures().failed_components == std::vector<std::string>{"gone"});
  CHECK(FaultOf(host->Shutdown())->place == "gone");
  host.reset();
  Counters again("gone"), other_again("other");
  auto reopened = Value(Host::Open(Options(directory, {&again, &other_again}), {}));
  CHECK(again.Count("x") >= 1);
  CHECK(other_again.Count("y") == 1);
}

TEST_CASE("a component may go once its host is shut down though the host still stands (K6)") {
  TempDirectory directory;
  auto component = std::make_unique<Counters>();
  auto host = Value(Host::Open(Options(directory, {component.get()}), {}));
  REQUIRE_OK(component->Add("x"));
  REQUIRE_OK(host->Shutdown());
  component.reset();
  CHECK(host->figures().operations == 1);
  CHECK(host->figures().failed_components.empty());
}

// ---- Batches ------------------------------------------------------------------------------------

TEST_CASE("a batch waits in each component for its own operation and no later one (K71)") {
  SimFileSystem disk;
  Counters a("a"), b("b");
  HostOptions options;
  options.directory = "agent";
  options.components = {&a, &b};
  options.environment.files = &disk;
  options.log = {.segment_bytes = 1 << 20, .group_bytes = 64 << 10, .ring_capacity = 64};
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(a.Add("first"));
  // The batch is in the first group; what is behind it in `a` never gets durable.
  disk.Hold(SimCall::kWrite);
  auto batch = Elsewhere([&] {
    const ComponentCommit commits[] = {{&a, "batch"}, {&b, "batch"}};
    return CommitAll(commits).status();
  });
  disk.AwaitHeld(SimCall::kWrite, 1);
  std::future<absl::Status> behind = Elsewhere([&] { return a.Add("behind").status(); });
  while (host->figures().pending < 3) std::this_thread::yield();
  disk.Inject({.nth = 1, .lasting = Lasting::kForGood, .only = SimCall::kWrite});
  disk.Release(SimCall::kWrite);
  static_cast<void>(InTime(batch));
  static_cast<void>(InTime(behind));
  auto closed = Elsewhere([&] {
    host.reset();
    return true;
  });
  CHECK(InTime(closed));
}

// ---- Callbacks that hang ------------------------------------------------------------------------

TEST_CASE("a callback that a committer saw hang first still frees the host's thread (K80)") {
  TempDirectory directory;
  Counters hangs("hangs"), other("other");
  HostOptions options = Options(directory, {&hangs, &other});
  options.callback_deadline = std::chrono::milliseconds(400);
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(host->Start());
  Gate gate;
  hangs.before_applying = [&] { gate.Pass(); };
  hangs.AddAsync("x", [](absl::StatusOr<Lsn>) {});
  gate.AwaitReached();
  // Committers look every 50 ms, and the watchdog every 100.
  CHECK(IsComponentFault(hangs.Add("x").status(), "hangs"));
  std::promise<absl::Status> told;
  other.AddAsync("y", [&](absl::StatusOr<Lsn> lsn) { told.set_value(lsn.status()); });
  std::future<absl::Status> done = told.get_future();
  REQUIRE_OK(InTime(done));
  while (host->figures().wal.unsealed_records > 0) std::this_thread::yield();
  gate.Open();
}

TEST_CASE("a slow component delays neither others' asynchronous commits nor the seal (K91)") {
  TempDirectory directory;
  Counters slow("slow"), other("other");
  auto host = Value(Host::Open(Options(directory, {&slow, &other}), {}));
  REQUIRE_OK(host->Start());
  Gate gate;
  slow.before_applying = [&] { gate.Pass(); };
  std::atomic<int> slow_told = 0;
  slow.AddAsync("x", [&](absl::StatusOr<Lsn>) { ++slow_told; });
  gate.AwaitReached();
  slow.AddAsync("x", [&](absl::StatusOr<Lsn>) { ++slow_told; });
  for (int i = 0; i < 3; ++i) {
    std::promise<absl::Status> told;
    other.AddAsync("y", [&](absl::StatusOr<Lsn> lsn) { told.set_value(lsn.status()); });
    std::future<absl::Status> done = told.get_future();
    REQUIRE_OK(InTime(done));  // the component's own deadline is 30 s
  }
  while (host->figures().wal.unsealed_records > 0) std::this_thread::yield();
  CHECK(slow_told == 0);
  gate.Open();
  while (slow_told < 2) std::this_thread::yield();
  CHECK(host->figures().failed_components.empty());
}

TEST_CASE(
    "an asynchronous commit's callback that hangs holds up the others' for a deadline (K91)") {
  TempDirectory directory;
  Counters counters;
  HostOptions options = Options(directory, {&counters});
  options.callback_deadline = std::chrono::milliseconds(100);
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(host->Start());
  Gate gate;
  counters.AddAsync("x", [&](absl::StatusOr<Lsn>) { gate.Pass(); });
  gate.AwaitReached();
  std::promise<absl::Status> told;
  counters.AddAsync("y", [&](absl::StatusOr<Lsn> lsn) { told.set_value(lsn.status()); });
  std::future<absl::Status> done = told.get_future();
  REQUIRE_OK(InTime(done));
  gate.Open();
}

TEST_CASE("a checkpoint ends with its deadline while an Apply hangs (K86)") {
  TempDirectory directory;
  Counters hangs("hangs");
  auto host = Value(Host::Open(Options(directory, {&hangs}), {}));
  Gate gate;
  hangs.before_applying = [&] { gate.Pass(); };
  auto stuck = Elsewhere([&] { return hangs.Add("x").status(); });
  gate.AwaitReached();
  auto checkpoint = Elsewhere([&] {
    return host
        ->Checkpoint(CheckpointMode::kFuzzy,
                     {.deadline = SystemClock().Now() + std::chrono::milliseconds(50)})
        .status();
  });
  CHECK(absl::IsDeadlineExceeded(InTime(checkpoint)));
  std::stop_source stop;
  auto cancelled = Elsewhere([&] {
    return host->Checkpoint(CheckpointMode::kFuzzy, {.stop = stop.get_token()}).status();
  });
  stop.request_stop();
  CHECK(absl::IsCancelled(InTime(cancelled)));
  gate.Open();
  REQUIRE_OK(InTime(stuck));
  REQUIRE_OK(host->Checkpoint());
}

TEST_CASE("a checkpoint without a deadline fails by name when the Apply it waits for hangs (K86)") {
  TempDirectory directory;
  Counters hangs("hangs");
  HostOptions options = Options(directory, {&hangs});
  options.callback_deadline = std::chrono::milliseconds(100);
  auto host = Value(Host::Open(std::move(options), {}));
  Gate gate;
  hangs.before_applying = [&] { gate.Pass(); };
  auto stuck = Elsewhere([&] { return hangs.Add("x").status(); });
  gate.AwaitReached();
  auto checkpoint = Elsewhere([&] { return host->Checkpoint().status(); });
  CHECK(IsComponentFault(InTime(checkpoint), "hangs"));
  gate.Open();
  static_cast<void>(InTime(stuck));
}

// ---- Joint checkpoints --------------------------------------------------------------------------

struct Joint {
  SystemClock clock;
  MemoryStore store{1 << 20, clock};
  Recording events;
  Counters first{"a"}, hangs{"b"}, last{"c"};
  Gate gate;
  std::unique_ptr<Host> host;

  explicit Joint(std::chrono::milliseconds callback_deadline) {
    HostOptions options;
    options.repository = kBorrowed;
    options.components = {&first, &hangs, &last};
    options.durability = Durability::kProcess;
    options.environment.observer = &events;
    options.callback_deadline = callback_deadline;
    options.checkpoint.interval = {};
    host = Value(Host::Open(std::move(options), Borrowed(store)));
    for (Counters* one : {&first, &hangs, &last}) REQUIRE_OK(one->Add("x"));
    hangs.while_saving = [this] { gate.Pass(); };
  }
};

TEST_CASE("a component that hangs in a joint checkpoint holds up its own callers only (K81)") {
  Joint joint(std::chrono::seconds(30));  // so it is slow, and has not failed
  auto checkpoint = Elsewhere([&] { return joint.host->Checkpoint().status(); });
  joint.gate.AwaitReached();
  auto others = Elsewhere([&] {
    const ComponentCommit batch[] = {{&joint.first, "y"}, {&joint.last, "y"}};
    std::vector<absl::Status> results = {
        joint.first.Add("y").status(), joint.last.Add("y").status(),
        joint.last.AddIf([] { return "y"; }).status(), CommitAll(batch).status()};
    return results;
  });
  for (const absl::Status& result : InTime(others)) REQUIRE_OK(result);
  CHECK(absl::IsDeadlineExceeded(
      joint.hangs.Add("y", {.context = Within(std::chrono::milliseconds(20))}).status()));
  joint.gate.Open();
  REQUIRE_OK(InTime(checkpoint));
  // What came meanwhile is behind the cut.
  joint.host.reset();
  Counters first("a"), second("b"), last("c");
  HostOptions options;
  options.repository = kBorrowed;
  options.components = {&first, &second, &last};
  options.durability = Durability::kProcess;
  auto reopened = Value(Host::Open(std::move(options), Borrowed(joint.store)));
  for (const Counters* one : {&first, &second, &last}) {
    CHECK(one->Count("x") == 1);
    CHECK(one->Count("y") == 0);
  }
}

TEST_CASE("a joint checkpoint in which a component failed is void and names it (K81)") {
  const bool started = GENERATE(false, true);
  Joint joint(std::chrono::milliseconds(100));
  if (started) REQUIRE_OK(joint.host->Start());
  auto checkpoint = Elsewhere([&] { return joint.host->Checkpoint().status(); });
  joint.gate.AwaitReached();
  CHECK(IsComponentFault(joint.hangs.Add("y").status(), "b"));
  REQUIRE_OK(joint.first.Add("y"));
  REQUIRE_OK(joint.last.Add("y"));
  joint.gate.Open();
  CHECK(IsComponentFault(InTime(checkpoint), "b"));
  REQUIRE_OK(joint.last.Add("y"));
  CHECK(joint.events.Of(EventKind::kComponentFailed).size() == 1);
}

TEST_CASE("a joint checkpoint whose deadline ends gives every order back (K81)") {
  Joint joint(std::chrono::seconds(30));
  auto stuck = Elsewhere([&] { return joint.host->Checkpoint().status(); });
  joint.gate.AwaitReached();
  // A committer is inside the last one's SaveState, in the checkpoint's place.
  Gate second;
  joint.last.while_saving = [&] { second.Pass(); };
  auto helping = Elsewhere([&] { return joint.last.Add("y").status(); });
  second.AwaitReached();
  joint.gate.Open();
  REQUIRE_OK(joint.hangs.Add("y"));
  REQUIRE_OK(joint.first.Add("y"));
  second.Open();
  REQUIRE_OK(InTime(helping));
  REQUIRE_OK(InTime(stuck));
}

// ---- Waiting for the log ------------------------------------------------------------------------

/// A log on a simulated disk, small enough that a few records fill what is prepared.
struct Small {
  SimFileSystem disk;
  Counters a{"a"}, b{"b"};
  std::unique_ptr<Host> host;

  explicit Small(Observer* observer = nullptr) {
    HostOptions options;
    options.directory = "agent";
    options.components = {&a, &b};
    options.environment = {.files = &disk, .observer = observer};
    options.log = {.segment_bytes = 64 << 10, .group_bytes = 8 << 10, .ring_capacity = 8};
    options.checkpoint = {.interval = {}, .log_bytes = 0, .on_shutdown = false};
    host = Value(Host::Open(std::move(options), {}));
  }
};

TEST_CASE(
    "a commit with a deadline ends though another waits for space on a disk that hangs (K84)") {
  Small small;
  REQUIRE_OK(small.a.Add("x"));
  small.disk.Hold(SimCall::kWrite);
  const std::string large(2 << 20, 'l');  // more than is prepared
  auto stuck = Elsewhere([&] { return small.a.Add(large).status(); });
  small.disk.AwaitHeld(SimCall::kWrite, 1);
  auto late = Elsewhere([&] {
    return small.a.Add(large, {.context = Within(std::chrono::milliseconds(50))}).status();
  });
  CHECK(absl::IsDeadlineExceeded(InTime(late)));
  auto batch = Elsewhere([&] {
    const ComponentCommit commits[] = {{&small.a, large}, {&small.b, large}};
    return CommitAll(commits, {.context = Within(std::chrono::milliseconds(50))}).status();
  });
  CHECK(absl::IsDeadlineExceeded(InTime(batch)));
  auto decided = Elsewhere([&] {
    return small.a.AddIf([&] { return large; }, {.context = Within(std::chrono::milliseconds(50))})
        .status();
  });
  CHECK(absl::IsDeadlineExceeded(InTime(decided)));
  auto figures = Elsewhere([&] { return small.host->figures().pending; });
  InTime(figures);
  small.disk.Release(SimCall::kWrite);
  REQUIRE_OK(InTime(stuck));
}

/// An observer that shares a mutex with committers.
class Sharing final : public Observer {
 public:
  std::mutex shared;
  std::atomic<bool> entered = false, committer_inside = false;
  void OnEvent(const Event& event) noexcept override {
    if (event.kind != EventKind::kNoSpace) return;
    entered = true;
    while (!committer_inside) std::this_thread::yield();
    std::lock_guard lock(shared);
  }
};

TEST_CASE("an observer that is told of a full disk may share a mutex with a committer (K85)") {
  const int kind = GENERATE(0, 1, 2);
  Sharing observer;
  Small small(&observer);
  REQUIRE_OK(small.a.Add("x"));
  const std::string large(200 << 10, 'l');
  small.disk.SetCapacity(small.disk.used_bytes());
  auto refused = Elsewhere([&] {
    if (kind == 0) return small.a.Add(large).status();
    if (kind == 1) return small.a.AddIf([&] { return large; }).status();
    const ComponentCommit commits[] = {{&small.a, large}, {&small.b, large}};
    return CommitAll(commits).status();
  });
  while (!observer.entered) std::this_thread::yield();
  auto other = Elsewhere([&] {
    std::lock_guard lock(observer.shared);
    observer.committer_inside = true;
    return small.a.Add("y").status();
  });
  REQUIRE_OK(InTime(other));
  CHECK(absl::IsResourceExhausted(InTime(refused)));
}

// ---- The watch ----------------------------------------------------------------------------------

TEST_CASE("a component that was healthy before the machine slept has not failed after it (K92)") {
  SimClock clock;
  TempDirectory directory;
  Counters counters;
  HostOptions options = Options(directory, {&counters});
  options.environment.clock = &clock;
  options.callback_deadline = std::chrono::seconds(1);
  options.checkpoint = {.interval = {}, .on_shutdown = false};
  auto host = Value(Host::Open(std::move(options), {}));
  Gate gate;
  counters.before_applying = [&] { gate.Pass(); };
  auto applying = Elsewhere([&] { return counters.Add("x").status(); });
  gate.AwaitReached();
  REQUIRE_OK(host->Step());
  clock.Advance(std::chrono::hours(8));
  REQUIRE_OK(host->Step());
  CHECK(host->figures().failed_components.empty());
  gate.Open();
  REQUIRE_OK(InTime(applying));
}

// ---- Slices -------------------------------------------------------------------------------------

/// Waits for a component that no host has.
struct Waiting {
  Ground ground;
  Scripted component{"one"};
  ComponentCallbacks callbacks{component, {"one", {.name = "scripted", .version = 1}}};
  std::vector<absl::Status> failures;
  ComponentWaits waits{ground.runtime, callbacks,
                       [this](const absl::Status& why) { failures.push_back(why); }};

  // What is locked is given back at once, as only this is asked here.
  bool Lock(const Context& context) {
    if (!waits.LockState(callbacks.state_mutex(), context)) return false;
    callbacks.state_mutex().unlock();
    return true;
  }
  bool LockShared(const Context& context) {
    if (!waits.LockStateShared(callbacks.state_mutex(), context)) return false;
    callbacks.state_mutex().unlock_shared();
    return true;
  }
};

TEST_CASE("The state is locked within the context, and not twice by one thread") {
  Waiting of;
  CHECK(of.Lock(AtOnce()));
  CHECK(of.LockShared(AtOnce()));
  ReaderLock lock(of.callbacks.state_mutex());
  CHECK_FALSE(of.Lock({}));
  auto other = Elsewhere([&] { return of.Lock(AtOnce()); });
  CHECK_FALSE(InTime(other));
  std::stop_source stop;
  stop.request_stop();
  auto stopped = Elsewhere([&] { return of.Lock({.stop = stop.get_token()}); });
  CHECK_FALSE(InTime(stopped));
}

TEST_CASE("Of a component that has failed the state is locked to end what waits, and for no copy") {
  Waiting of;
  of.callbacks.health().Fail(absl::InternalError("failed"));
  CHECK(of.Lock({}));
  WriterLock lock(of.callbacks.state_mutex());
  auto shared = Elsewhere([&] { return of.LockShared({}); });
  CHECK_FALSE(InTime(shared));
}

TEST_CASE("A state that readers keep is left for the observer to be told, unless with an order") {
  Waiting of;
  of.ground.runtime.callback_deadline = std::chrono::milliseconds(50);
  std::future<bool> with_order, without;
  {
    ReaderLock lock(of.callbacks.state_mutex());
    without = Elsewhere([&] { return of.Lock({}); });
    CHECK_FALSE(InTime(without));
    CHECK(of.callbacks.health().kept_state_due());
    with_order = Elsewhere([&] {
      const HoldingOrder order;
      return of.Lock({});
    });
    CHECK(with_order.wait_for(std::chrono::milliseconds(200)) == std::future_status::timeout);
  }
  CHECK(InTime(with_order));
  of.waits.NotifyDue();
  CHECK(of.ground.events.Of(EventKind::kStateHeld).size() == 1);
}

TEST_CASE("Every failure ends what waits, with the first one's reason") {
  Waiting of;
  of.waits.Fail(absl::InternalError("first"));
  of.waits.Fail(absl::InternalError("second"));
  CHECK(of.failures == std::vector<absl::Status>(2, absl::InternalError("first")));
}

TEST_CASE("A slice of a wait ends with the context, and looks at the callbacks") {
  Waiting of;
  of.ground.runtime.callback_deadline = {};
  Mutex mutex;
  CondVar changed;
  StateCopy copy{.view = [&](StateWriter&) {
    MutexLock lock(mutex);
    of.waits.WaitASlice(changed, mutex, AtOnce());
    of.waits.WaitASlice(changed, mutex, AtOnce());
    return absl::OkStatus();
  }};
  Records written;
  CHECK(IsFault(of.callbacks.WriteCopy(copy, written), FaultKind::kComponent));
  CHECK(of.failures.size() == 1);
  CHECK(of.ground.events.Of(EventKind::kComponentFailed).size() == 1);
}

}  // namespace
}  // namespace dr::test
