#include "src/component/applier.h"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <vector>

#include "dr/status.h"
#include "tests/component/fake_log.h"
#include "tests/component/gate.h"
#include "tests/component/scripted_component.h"
#include "tests/host/recording.h"
#include "tests/support/status.h"

namespace dr::test {
namespace {

/// An order that nobody has to wait for.
class NoWaits final : public OrderWaits {
 public:
  absl::Status Failure() const override { return absl::OkStatus(); }
  Lsn applied() const override { return {~0ULL}; }
  absl::Status Check(const Context&) const override { return absl::OkStatus(); }
  absl::Status WaitASlice(CondVar&, Mutex&, const Context&) override { return absl::OkStatus(); }
  absl::Status AwaitEarlier(Lsn, const Context&) override { return absl::OkStatus(); }
};

struct Applying {
  explicit Applying(FakeLog::Syncs syncs = FakeLog::Syncs::kAtOnce) : log(syncs) {
    runtime.callback_deadline = std::chrono::seconds(30);
  }
  ~Applying() { runtime.completions.Finish(); }

  /// Gives an operation its place; `told` gets its outcome.
  Lsn Append(std::string_view payload, absl::StatusOr<Lsn>* told = nullptr) {
    std::unique_ptr<PendingOperation> operation = *pool.Make(payload, {});
    if (told != nullptr) {
      *told = absl::UnavailableError("not told");
      operation->completion = std::make_unique<Completion>();
      operation->completion->done = [told](absl::StatusOr<Lsn> lsn) { *told = std::move(lsn); };
    }
    LogEntry* const entries[] = {&operation->entry};
    LogAdmission admission(log.log, entries);
    REQUIRE(admission.Admit({}).ok());
    REQUIRE(admission.AwaitRoom({}).ok());
    return *Value(order.Append(operation, admission, {}));
  }
  const absl::StatusOr<Lsn>& Outcome(const absl::StatusOr<Lsn>& told) {
    runtime.completions.Run();
    return told;
  }

  FakeLog log;
  SystemClock clock;
  Recording events;
  Runtime runtime{.log = log.log, .clock = clock, .observer = &events};
  Scripted component;
  ComponentCallbacks callbacks{component, {"applied", {.name = "scripted", .version = 1}}};
  ComponentWaits waits{runtime, callbacks,
                       [this](const absl::Status& why) { applier.EndPending(why); }};
  NoWaits no_waits;
  CommitOrder order{log.log, no_waits, {}};
  OperationPool pool{callbacks.identity(), runtime};
  Applier applier{runtime, callbacks, waits, order, pool};
};
using Payloads = std::vector<std::string>;

TEST_CASE(
    "An operation is applied once it is durable and not before, and its caller is told then") {
  Applying at(FakeLog::Syncs::kByHand);
  absl::StatusOr<Lsn> told;
  const Lsn first = at.Append("a", &told);
  at.Append("b");
  CHECK(absl::IsUnknown(at.applier.AwaitApplied(first, AtOnce())));
  REQUIRE_OK(at.log.Stage({2}, {}));
  at.applier.Pump(AtOnce());
  CHECK(at.component.payloads.empty());
  at.log.SetDurable(first);
  REQUIRE_OK(at.applier.AwaitApplied(first, {}));
  CHECK(at.component.payloads == Payloads{"a"});
  CHECK(Value(at.Outcome(told)) == first);
  CHECK(at.order.pending_count() == 1);
  CHECK(at.applier.applied_count() == 1);
  at.log.SetDurable({2});
  at.applier.Pump({});
  CHECK(at.component.payloads == Payloads{"a", "b"});
}

TEST_CASE("Many threads that wait find their operations applied once each, in the order of Lsns") {
  Applying at;
  constexpr int kOperations = 40;
  std::vector<Lsn> lsns;
  Payloads expected;
  for (int i = 0; i < kOperations; ++i) {
    expected.push_back(std::to_string(i));
    lsns.push_back(at.Append(expected.back()));
  }
  std::atomic<int> applied_late = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = kOperations - 1 - t; i >= 0; i -= 4) {
        const bool ok = at.applier.AwaitApplied(lsns[static_cast<std::size_t>(i)], {}).ok();
        if (!ok || at.callbacks.applied() < lsns[static_cast<std::size_t>(i)]) ++applied_late;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(applied_late == 0);
  CHECK(at.component.payloads == expected);
  CHECK(at.applier.applied_count() == kOperations);
}

TEST_CASE("Behind an Apply that fails or throws nothing is applied, and every caller is told why") {
  const bool throws = GENERATE(false, true);
  Applying at;
  at.component.on_apply = [&](const Operation& op) {
    if (op.payload != "bad") return absl::OkStatus();
    if (throws) throw std::runtime_error("bad");
    return absl::InternalError("bad");
  };
  absl::StatusOr<Lsn> good, bad, behind;
  at.Append("good", &good);
  at.Append("bad", &bad);
  const Lsn last = at.Append("behind", &behind);
  const absl::Status failed = at.applier.AwaitApplied(last, {});
  CHECK(IsFault(failed, FaultKind::kComponent));
  CHECK(Value(at.Outcome(good)) == Lsn{1});
  CHECK(bad.status() == failed);
  CHECK(behind.status() == failed);
  CHECK(at.component.payloads == Payloads{"good"});
  CHECK(at.callbacks.applied() == Lsn{1});
  CHECK(at.callbacks.health().failure() == failed);
  CHECK(at.events.Of(EventKind::kComponentFailed).size() == 1);
  // Not what comes later either.
  absl::StatusOr<Lsn> later;
  const Lsn after = at.Append("later", &later);
  CHECK(at.applier.AwaitApplied(after, {}) == failed);
  CHECK(at.component.payloads == Payloads{"good"});
}

TEST_CASE("What becomes ready while a thread applies is applied by it, and Pump waits for nobody") {
  Applying at;
  Gate gate;
  at.component.on_apply = [&](const Operation& op) {
    if (op.payload == "slow") gate.Pass();
    return absl::OkStatus();
  };
  const Lsn slow = at.Append("slow");
  auto applying = Elsewhere([&] { return at.applier.AwaitApplied(slow, {}); });
  gate.AwaitReached();
  absl::StatusOr<Lsn> told;
  at.Append("behind", &told);
  at.applier.Pump({});
  CHECK(at.callbacks.applied() == Lsn{});
  gate.Open();
  REQUIRE_OK(InTime(applying));
  CHECK(at.component.payloads == Payloads{"slow", "behind"});
  REQUIRE_OK(at.Outcome(told));
}

TEST_CASE(
    "An outcome that is still open when the wait ends is unknown for its own operation alone") {
  Applying at;
  Gate gate;
  at.component.on_apply = [&](const Operation&) {
    gate.Pass();
    return absl::OkStatus();
  };
  const Lsn lsn = at.Append("slow");
  auto applying = Elsewhere([&] { return at.applier.AwaitApplied(lsn, {}); });
  gate.AwaitReached();
  const absl::Status open = at.applier.AwaitApplied(lsn, AtOnce());
  CHECK(IsFault(open, FaultKind::kAmbiguous));
  CHECK(FaultOf(open)->lsn == lsn);
  CHECK(absl::IsDeadlineExceeded(at.applier.AwaitEarlier(lsn, AtOnce())));
  std::stop_source stop;
  stop.request_stop();
  CHECK(absl::IsCancelled(at.applier.AwaitEarlier(lsn, {.stop = stop.get_token()})));
  gate.Open();
  REQUIRE_OK(InTime(applying));
  REQUIRE_OK(at.applier.AwaitEarlier(lsn, AtOnce()));
}

TEST_CASE("A thread that has the state's lock waits for no application") {
  Applying at;
  const Lsn lsn = at.Append("x");
  {
    ReaderLock lock(at.callbacks.state_mutex());
    CHECK(IsFault(at.applier.AwaitEarlier(lsn, {}), FaultKind::kUsage));
    CHECK(IsFault(at.applier.AwaitApplied(lsn, {}), FaultKind::kAmbiguous));
    at.applier.Pump({});
    CHECK(at.component.payloads.empty());
  }
  at.applier.Pump({});
  CHECK(at.component.payloads == Payloads{"x"});
}

TEST_CASE("Operations that a poisoned log took are told so, and are not applied") {
  Applying at(FakeLog::Syncs::kByHand);
  absl::StatusOr<Lsn> told;
  at.Append("x", &told);
  const absl::Status poisoned = absl::FailedPreconditionError("poisoned");
  at.log.End(poisoned);
  at.applier.Pump({});
  CHECK(at.Outcome(told).status() == poisoned);
  CHECK(at.component.payloads.empty());
  CHECK(at.applier.AwaitApplied({1}, {}) == poisoned);
  CHECK(at.applier.AwaitEarlier({1}, {}) == poisoned);
}

TEST_CASE("A callback that hangs is the failure of those who wait for it and of what is pending") {
  Applying at;
  at.runtime.callback_deadline = std::chrono::milliseconds(100);
  Gate gate;
  at.component.on_apply = [&](const Operation&) {
    gate.Pass();
    return absl::OkStatus();
  };
  const Lsn lsn = at.Append("hangs");
  auto applying = Elsewhere([&] { return at.applier.AwaitApplied(lsn, {}); });
  gate.AwaitReached();
  absl::StatusOr<Lsn> told;
  const Lsn behind = at.Append("behind", &told);
  const absl::Status failed = at.applier.AwaitApplied(behind, {});
  CHECK(IsFault(failed, FaultKind::kComponent));
  CHECK(at.Outcome(told).status() == failed);
  at.applier.Pump({});  // has nothing to do with it any more
  gate.Open();
  static_cast<void>(InTime(applying));
  CHECK(at.component.payloads == Payloads{"hangs"});
}

TEST_CASE("A thread that stays in Pump delays others, which is said once") {
  Applying at;
  Gate gate;
  at.component.on_apply = [&](const Operation&) {
    gate.Pass();
    return absl::OkStatus();
  };
  at.Append("slow");
  auto pumping = Elsewhere([&] {
    at.applier.Pump({});
    return true;
  });
  gate.AwaitReached();
  while (!at.applier.DelaysOthers(std::chrono::milliseconds(10))) std::this_thread::yield();
  for (int i = 0; i < 3; ++i) CHECK_FALSE(at.applier.DelaysOthers(std::chrono::nanoseconds(1)));
  gate.Open();
  CHECK(InTime(pumping));
}

TEST_CASE("A digest is noted behind each period, of the state as it is there") {
  Applying at;
  at.runtime.digest_every = 2;
  at.component.on_digest = [&] { return DigestOf(at.component.payloads.back()); };
  for (const char* payload : {"a", "b", "c", "d", "e"}) at.Append(payload);
  at.applier.Pump({});
  CHECK(at.component.payloads.size() == 5);
  CHECK(at.log.log.last() == Lsn{7});
  at.component.on_digest = []() -> std::optional<Digest> { throw 1; };
  const Lsn last = at.Append("f");
  static_cast<void>(at.applier.AwaitApplied(last, {}));
  CHECK(IsFault(at.callbacks.health().failure(), FaultKind::kComponent));
  CHECK(at.callbacks.applied() == last);
}

}  // namespace
}  // namespace dr::test
