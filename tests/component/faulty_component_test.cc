// Components that break their contract fail alone and by name.

#include <catch2/catch.hpp>
#include <stdexcept>
#include <thread>

#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_file_system.h"
#include "tests/host/counter_component.h"
#include "tests/host/small_host.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

enum class Mistake { kNone, kReturnsAnError, kThrows, kHangs, kIsSlow, kReenters };

class Faulty : public StatefulComponent {
 public:
  Faulty(Mistake in_apply, Mistake in_save)
      : StatefulComponent("faulty", {.name = "faulty", .version = 1}),
        in_apply_(in_apply),
        in_save_(in_save) {}

  absl::StatusOr<Lsn> Do(std::string_view what, const CommitOptions& options = {}) {
    return Commit(what, options);
  }
  absl::StatusOr<Lsn> DoIf(absl::FunctionRef<absl::StatusOr<std::string>()> decide,
                           const CommitOptions& options) {
    return CommitIf(decide, options);
  }
  void DoAsync(std::string what, absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done) {
    CommitAsync(std::move(what), {}, std::move(done));
  }
  std::atomic<bool> release = false;

 private:
  absl::Status Act(Mistake mistake) const {
    switch (mistake) {
      case Mistake::kNone:
        break;
      case Mistake::kReturnsAnError:
        return absl::InternalError("no such thing");
      case Mistake::kThrows:
        throw std::runtime_error("lost my head");
      case Mistake::kHangs:
        while (!release) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        break;
      case Mistake::kIsSlow:
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        break;
      case Mistake::kReenters:
        return const_cast<Faulty*>(this)->Commit("again").status();
    }
    return absl::OkStatus();
  }
  absl::Status Apply(const Operation& op) override {
    return op.payload == "bad" ? Act(in_apply_) : absl::OkStatus();
  }
  absl::Status SaveState(StateWriter& out) const override {
    if (absl::Status s = out.Write("state"); !s.ok()) return s;
    return Act(in_save_);
  }
  absl::Status LoadState(StateReader& in) override {
    while (true) {
      auto record = in.Next();
      if (!record.ok() || !*record) return record.status();
    }
  }

  const Mistake in_apply_, in_save_;
};

TEST_CASE(
    "B5: a component whose Apply errs, throws or re-enters fails by name while others go on") {
  const Mistake mistake = GENERATE(Mistake::kReturnsAnError, Mistake::kThrows, Mistake::kReenters);
  TempDirectory directory;
  Faulty faulty(mistake, Mistake::kNone);
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&faulty, &counters}), {}));
  REQUIRE_OK(faulty.Do("good"));
  absl::Status failed = faulty.Do("bad").status();
  CHECK(failed.code() == absl::StatusCode::kInternal);
  CHECK(FaultOf(failed)->kind == FaultKind::kComponent);
  CHECK(FaultOf(failed)->place == "faulty");
  CHECK(faulty.Do("good").status().code() == absl::StatusCode::kInternal);
  REQUIRE_OK(counters.Add("fine"));
  CHECK(host->figures().failed_components == std::vector<std::string>{"faulty"});
  // Its state is not what the log says, so no checkpoint may hold it.
  CHECK_FALSE(host->Checkpoint().ok());
}

TEST_CASE("B5: a component whose Apply hangs is named by the deadline, and holds up nobody else") {
  TempDirectory directory;
  Faulty faulty(Mistake::kHangs, Mistake::kNone);
  Counters counters;
  HostOptions options = Options(directory, {&faulty, &counters});
  options.callback_deadline = std::chrono::milliseconds(100);
  auto host = Value(Host::Open(std::move(options), {}));
  std::thread stuck([&] { static_cast<void>(faulty.Do("bad")); });
  while (host->figures().durable.lsn.value < 1) std::this_thread::yield();
  for (int i = 0; i < 100; ++i) REQUIRE_OK(counters.Add("fine"));
  absl::Status failed = faulty.Do("good").status();
  CHECK(FaultOf(failed)->kind == FaultKind::kComponent);
  CHECK(FaultOf(failed)->place == "faulty");
  faulty.release = true;
  stuck.join();
}

TEST_CASE("B5: a component that is merely busy does not count as one that hangs") {
  TempDirectory directory;
  Faulty faulty(Mistake::kIsSlow, Mistake::kNone);
  HostOptions options = Options(directory, {&faulty});
  options.callback_deadline = std::chrono::seconds(1);
  auto host = Value(Host::Open(std::move(options), {}));
  // All of these are applied by one thread in one go, which takes more than a second.
  for (int i = 0; i < 15; ++i) faulty.DoAsync("bad", [](absl::StatusOr<Lsn>) {});
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] { static_cast<void>(faulty.Do("good")); });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(host->figures().failed_components.empty());
  REQUIRE_OK(faulty.Do("good"));
}

TEST_CASE(
    "B5: a component that hangs on the host's thread holds up no other's asynchronous commits") {
  TempDirectory directory;
  Faulty faulty(Mistake::kHangs, Mistake::kNone);
  Counters counters;
  HostOptions options = Options(directory, {&faulty, &counters});
  options.callback_deadline = std::chrono::milliseconds(100);
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(host->Start());
  std::atomic<bool> told = false;
  std::atomic<int> done = 0;
  faulty.DoAsync("bad", [&](absl::StatusOr<Lsn>) { told = true; });
  while (host->figures().failed_components.empty()) std::this_thread::yield();
  for (int i = 0; i < 10; ++i) {
    counters.AddAsync("a", [&](absl::StatusOr<Lsn> lsn) { done += lsn.ok() ? 1 : 100; });
  }
  while (done < 10) std::this_thread::yield();
  CHECK(done == 10);
  CHECK(host->figures().failed_components == std::vector<std::string>{"faulty"});
  // An orderly end is not waited for beyond its deadline.
  CHECK(host->Shutdown({.deadline = SystemClock().Now() + std::chrono::milliseconds(50)}).code() ==
        absl::StatusCode::kDeadlineExceeded);
  faulty.release = true;
  host.reset();
  CHECK(told);
}

TEST_CASE("A CommitIf whose turn does not come in time has no outcome that is open") {
  TempDirectory directory;
  Faulty faulty(Mistake::kHangs, Mistake::kNone);
  auto host = Value(Host::Open(Options(directory, {&faulty}), {}));
  absl::Status late;
  std::thread stuck([&] { late = faulty.Do("bad").status(); });
  while (host->figures().durable.lsn.value < 1) std::this_thread::yield();
  CommitOptions soon;
  soon.context.deadline = SystemClock().Now() + std::chrono::milliseconds(50);
  CHECK(faulty.DoIf([] { return std::string("decided"); }, soon).status().code() ==
        absl::StatusCode::kDeadlineExceeded);
  faulty.release = true;
  stuck.join();
  REQUIRE_OK(late);
  CHECK(Value(faulty.Do("good")).value == 2);
}

// Its frozen view calls back into dr, then waits until the test has seen it.
class ReentersInView : public Counters {
 public:
  std::atomic<bool> called = false, go_on = false;

 private:
  FrozenState FreezeState() const override {
    return [this](StateWriter& out) {
      auto* self = const_cast<ReentersInView*>(this);
      static_cast<void>(self->Add("again"));
      self->called = true;
      while (!go_on) std::this_thread::yield();
      return out.Write("state=1");
    };
  }
};

/// Its frozen view does what the test says.
class Viewed : public Counters {
 public:
  std::function<absl::Status(StateWriter&)> view;

 private:
  FrozenState FreezeState() const override { return view; }
};

TEST_CASE("B5: a frozen view that hangs is named by the deadline, and holds up nobody else") {
  const bool at_the_end = GENERATE(false, true);
  TempDirectory directory;
  Viewed viewed;
  Counters other("other");
  std::atomic<bool> release = false;
  viewed.view = [&](StateWriter& out) {
    while (!release) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return out.Write("state=1");
  };
  HostOptions options = Options(directory, {&viewed, &other});
  options.callback_deadline = std::chrono::milliseconds(100);
  options.checkpoint.operations = at_the_end ? 0 : 1;
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(host->Start());
  REQUIRE_OK(viewed.Add("a"));
  std::thread ending;
  if (at_the_end) ending = std::thread([&] { static_cast<void>(host->Shutdown()); });
  while (host->figures().failed_components.empty()) std::this_thread::yield();
  CHECK(host->figures().failed_components == std::vector<std::string>{viewed.id()});
  if (!at_the_end) {
    const absl::Status failed = viewed.Add("a").status();
    CHECK(AsStd(failed.message()).find("frozen view") != std::string_view::npos);
    REQUIRE_OK(other.Add("fine"));
  }
  release = true;
  if (at_the_end) ending.join();
}

TEST_CASE("B5: a frozen view is not blamed for a store that takes long") {
  SimFileSystem disk;
  SimClock clock;
  Viewed viewed;
  std::atomic<bool> inside = false;
  viewed.view = [&](StateWriter& out) {
    inside = true;
    return out.Write(std::string(8 << 20, 'x'));  // more than the store is given at once
  };
  TempDirectory directory;
  HostOptions options = Options(directory, {&viewed});
  options.environment = {.files = &disk, .clock = &clock};
  options.checkpoint = {.interval = {}, .on_shutdown = false};
  options.callback_deadline = std::chrono::seconds(1);
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(viewed.Add("a"));
  for (int i = 0; i < 2; ++i) REQUIRE_OK(host->Step());  // the log has nothing more to write
  disk.Hold(SimCall::kWrite);
  absl::Status checkpoint;
  std::thread taker([&] { checkpoint = host->Checkpoint().status(); });
  disk.AwaitHeld(SimCall::kWrite, 1);
  CHECK(inside);
  for (int i = 0; i < 3; ++i) {
    REQUIRE_OK(host->Step());
    clock.Advance(std::chrono::seconds(5));
  }
  CHECK(host->figures().failed_components.empty());
  disk.Release(SimCall::kWrite);
  taker.join();
  REQUIRE_OK(checkpoint);
}

/// Whose digest is the test's.
class Digested : public Counters {
 public:
  std::function<Digest()> digest;

 private:
  std::optional<Digest> StateDigest() const override { return digest(); }
};

TEST_CASE("B5: a component whose StateDigest throws, re-enters or hangs fails by name") {
  const Mistake mistake = GENERATE(Mistake::kThrows, Mistake::kReenters, Mistake::kHangs);
  TempDirectory directory;
  Digested digested;
  std::atomic<bool> release = false;
  digested.digest = [&]() -> Digest {
    if (mistake == Mistake::kThrows) throw std::runtime_error("no digest");
    if (mistake == Mistake::kReenters) static_cast<void>(digested.Add("again"));
    while (mistake == Mistake::kHangs && !release) std::this_thread::yield();
    return DigestOf("state");
  };
  HostOptions options = Options(directory, {&digested});
  options.checkpoint.digest_every = 2;
  options.callback_deadline = std::chrono::milliseconds(100);
  auto host = Value(Host::Open(std::move(options), {}));
  REQUIRE_OK(host->Start());
  REQUIRE_OK(digested.Add("a"));
  CHECK(host->figures().failed_components.empty());
  std::thread second([&] { static_cast<void>(digested.Add("a")); });
  while (host->figures().failed_components.empty()) std::this_thread::yield();
  const absl::Status failed = digested.Add("a").status();
  CHECK(FaultOf(failed)->place == digested.id());
  CHECK(AsStd(failed.message()).find("StateDigest") != std::string_view::npos);
  release = true;
  second.join();
}

TEST_CASE("B5: a call back into dr is noticed whatever other callbacks run meanwhile") {
  TempDirectory directory;
  ReentersInView component;
  auto host = Value(Host::Open(Options(directory, {&component}), {}));
  REQUIRE_OK(component.Add("a"));
  absl::Status checkpoint;
  std::thread taker([&] { checkpoint = host->Checkpoint().status(); });
  while (!component.called) std::this_thread::yield();
  REQUIRE_OK(component.Add("b"));
  component.go_on = true;
  taker.join();
  CHECK(FaultOf(checkpoint)->kind == FaultKind::kComponent);
}

TEST_CASE("B5: a component that fails while it is saved fails the checkpoint as a whole") {
  const Mistake mistake = GENERATE(Mistake::kReturnsAnError, Mistake::kThrows, Mistake::kReenters);
  TempDirectory directory;
  {
    Faulty faulty(Mistake::kNone, mistake);
    Counters counters;
    auto host = Value(Host::Open(Options(directory, {&faulty, &counters}), {}));
    REQUIRE_OK(faulty.Do("good"));
    REQUIRE_OK(counters.Add("x"));
    CHECK_FALSE(host->Checkpoint().ok());
    REQUIRE_OK(faulty.Do("good"));  // it goes on
    CHECK(host->figures().checkpoint_failures == 1);
  }
  Faulty faulty(Mistake::kNone, Mistake::kNone);
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&faulty, &counters}), {}));
  CHECK(host->figures().replayed == 3);
}

TEST_CASE("A component that cannot apply an old operation makes Open fail, naming it and the Lsn") {
  TempDirectory directory;
  {
    Faulty faulty(Mistake::kNone, Mistake::kNone);
    auto host = Value(Host::Open(Options(directory, {&faulty}), {}));
    REQUIRE_OK(faulty.Do("bad"));
  }
  Faulty faulty(Mistake::kReturnsAnError, Mistake::kNone);
  absl::Status failed = Host::Open(Options(directory, {&faulty}), {}).status();
  CHECK(failed.code() == absl::StatusCode::kInternal);
  CHECK(FaultOf(failed)->place == "faulty");
}

TEST_CASE("P1: a commit that comes too late or was cancelled is refused before a Lsn is taken") {
  TempDirectory directory;
  Counters counters;
  auto host = Value(Host::Open(Options(directory, {&counters}), {}));
  std::stop_source stop;
  stop.request_stop();
  CommitOptions cancelled;
  cancelled.context.stop = stop.get_token();
  CHECK(counters.Add("x", cancelled).status().code() == absl::StatusCode::kCancelled);
  CommitOptions late;
  late.context.deadline = Instant::FromNanoseconds(1);
  CHECK(counters.Add("x", late).status().code() == absl::StatusCode::kDeadlineExceeded);
  CHECK(Value(counters.Add("y")).value == 1);
  CHECK(counters.Count("x") == 0);
}

}  // namespace
}  // namespace dr::test
