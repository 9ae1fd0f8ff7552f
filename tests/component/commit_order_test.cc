#include "src/component/commit_order.h"

#include <catch2/catch.hpp>
#include <vector>

#include "dr/status.h"
#include "tests/component/fake_log.h"
#include "tests/component/gate.h"
#include "tests/support/status.h"

namespace dr::test {
namespace {

/// Waits as the test says. AwaitEarlier applies what it is asked for.
class FakeWaits final : public OrderWaits {
 public:
  std::atomic<std::uint64_t> applied_lsn = 0;
  std::atomic<int> slices = 0;
  std::vector<Lsn> awaited;
  absl::Status failed;
  /// Runs in each slice of a wait, without the mutex.
  std::function<void()> in_slice = [] {};

  absl::Status Failure() const override { return failed; }
  Lsn applied() const override { return {applied_lsn}; }
  absl::Status Check(const Context& context) const override {
    return CheckContext(context, clock_, "the order");
  }
  absl::Status WaitASlice(CondVar& changed, Mutex& mutex, const Context&) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    ++slices;
    changed.WaitFor(mutex, std::chrono::milliseconds(1));
    MutexUnlock unlocked(mutex);
    in_slice();
    return absl::OkStatus();
  }
  absl::Status AwaitEarlier(Lsn lsn, const Context&) override {
    awaited.push_back(lsn);
    applied_lsn = lsn.value;
    return absl::OkStatus();
  }

 private:
  SystemClock clock_;
};

struct Ordered {
  explicit Ordered(FakeLog::Syncs syncs = FakeLog::Syncs::kAtOnce) : log(syncs) {}

  FakeLog log;
  FakeWaits waits;
  CommitOrder order{log.log, waits, {}};

  static std::unique_ptr<PendingOperation> Make(Durability durability = Durability::kLocal) {
    auto operation = std::make_unique<PendingOperation>();
    operation->durability = durability;
    operation->entry.record = {.component = "c", .schema_version = 1};
    return operation;
  }
  absl::StatusOr<Lsn> Append(Durability durability = Durability::kLocal,
                             const Context& context = {}) {
    std::unique_ptr<PendingOperation> operation = Make(durability);
    LogEntry* const entries[] = {&operation->entry};
    LogAdmission admission(log.log, entries);
    for (;;) {
      absl::Status ready = admission.Admit(context);
      if (ready.ok()) ready = admission.AwaitRoom(context);
      if (!ready.ok()) return ready;
      const auto lsn = order.Append(operation, admission, context);
      if (!lsn.ok()) return lsn.status();
      if (*lsn) return **lsn;
    }
  }
  /// With the order in hand.
  std::unique_ptr<PendingOperation> TakeLsn() {
    std::unique_ptr<PendingOperation> operation = Make();
    REQUIRE(log.log.Append(operation->entry).ok());
    return operation;
  }
  std::vector<std::uint64_t> Ready(std::uint64_t count_max = 100) {
    std::vector<std::uint64_t> lsns;
    PendingOperations ready = order.TakeReady(count_max);
    while (auto operation = ready.Pop()) lsns.push_back(operation->entry.record.lsn.value);
    return lsns;
  }
};
using Lsns = std::vector<std::uint64_t>;

/// Does what the test says.
class FakeTask final : public OrderTask {
 public:
  std::function<bool()> run = [] { return true; };
  std::atomic<bool> still_wanted = true;
  std::atomic<int> runs = 0;

  bool Run(const Context&) noexcept override {
    ++runs;
    return run();
  }
  bool wanted() const override { return still_wanted; }
};

// ---- Operations ---------------------------------------------------------------------------------

TEST_CASE("An operation has its place once it has its Lsn, and stays the caller's without one") {
  Ordered at;
  at.log.Fill();
  std::unique_ptr<PendingOperation> operation = Ordered::Make();
  LogEntry* const entries[] = {&operation->entry};
  LogAdmission admission(at.log.log, entries);
  REQUIRE_OK(admission.Admit({}));
  CHECK(Value(at.order.Append(operation, admission, {})) == std::nullopt);
  REQUIRE(operation != nullptr);
  CHECK(at.order.pending_count() == 0);
  at.log.Empty();
  REQUIRE_OK(admission.AwaitRoom({}));
  CHECK(Value(at.order.Append(operation, admission, {})) == Lsn{1});
  CHECK(operation == nullptr);
  CHECK(at.order.pending_count() == 1);
  CHECK(at.order.last() == Lsn{1});
}

TEST_CASE("Operations are ready in their order, each as durable as was asked for") {
  Ordered at(FakeLog::Syncs::kByHand);
  REQUIRE_OK(at.Append(Durability::kProcess));  // 1
  REQUIRE_OK(at.Append());                      // 2
  REQUIRE_OK(at.Append(Durability::kProcess));  // 3
  REQUIRE_OK(at.Append());                      // 4
  CHECK_FALSE(at.order.AnyReady());
  REQUIRE_OK(at.log.Stage({4}, {}));
  CHECK(at.order.AnyReady());
  CHECK(at.Ready() == Lsns{1});  // 3 is behind 2
  at.log.SetDurable({2});
  CHECK(at.Ready(1) == Lsns{2});
  CHECK(at.Ready() == Lsns{3});
  at.log.SetDurable({4});
  CHECK(at.Ready() == Lsns{4});
  CHECK(at.order.pending_count() == 0);
}

TEST_CASE("A caller waits for the sync of the last operation before it that needs one") {
  Ordered at;
  REQUIRE_OK(at.Append());                      // 1
  REQUIRE_OK(at.Append(Durability::kProcess));  // 2
  REQUIRE_OK(at.Append(Durability::kProcess));  // 3
  CHECK(at.order.LastSynced({3}) == Lsn{1});
  REQUIRE_OK(at.Append());  // 4
  CHECK(at.order.LastSynced({3}) == Lsn{3});
  CHECK(at.order.LastSynced({4}) == Lsn{4});
}

TEST_CASE("Completions are taken once, and their operations stay") {
  Ordered at;
  std::unique_ptr<PendingOperation> operation = Ordered::Make();
  operation->completion = std::make_unique<Completion>();
  {
    CommitOrder::Hold hold(at.order);
    REQUIRE_OK(hold.Acquire({}));
    REQUIRE_OK(at.log.log.Append(operation->entry));
    hold.Enqueue(std::move(operation));
  }
  REQUIRE_OK(at.Append());
  CHECK(at.order.TakeCompletions().size() == 1);
  CHECK(at.order.TakeCompletions().empty());
  CHECK(at.order.pending_count() == 2);
}

TEST_CASE("The log's end is the component's while nothing is pending, applied late, or held") {
  Ordered at;
  REQUIRE_OK(at.Append());
  LogEntry another{.record = {.component = "other", .schema_version = 1}};
  REQUIRE_OK(at.log.log.Append(another));
  CHECK(at.order.EndAtRest() == std::nullopt);  // pending
  REQUIRE_OK(at.log.Persist({2}, {}));
  CHECK(at.Ready() == Lsns{1});
  CHECK(at.order.EndAtRest() == std::nullopt);  // on its way into the state
  at.waits.applied_lsn = 1;
  CHECK(at.order.EndAtRest() == Lsn{2});
  {
    CommitOrder::Hold hold(at.order);
    REQUIRE_OK(hold.Acquire({}));
    CHECK(at.order.EndAtRest() == std::nullopt);
  }
  CHECK(at.order.EndAtRest() == Lsn{2});
}

// ---- Holding ------------------------------------------------------------------------------------

TEST_CASE("Nothing follows a barrier before it is applied") {
  Ordered at;
  {
    CommitOrder::Hold hold(at.order);
    CHECK(Value(hold.Acquire({})) == Lsn{});
    hold.EnqueueBarrier(at.TakeLsn());
  }
  CHECK(at.waits.awaited.empty());
  REQUIRE_OK(at.Append());
  CHECK(at.waits.awaited == std::vector<Lsn>{{1}});
  REQUIRE_OK(at.Append());  // it is applied now
  CommitOrder::Hold hold(at.order);
  CHECK(Value(hold.Acquire({})) == Lsn{3});
  CHECK(at.waits.awaited.size() == 1);
}

TEST_CASE("While an order is held nobody else gets an Lsn, and its holder tells no observer") {
  Ordered at;
  std::future<absl::StatusOr<Lsn>> waiting;
  {
    CommitOrder::Hold hold(at.order);
    CHECK_FALSE(HoldingOrder::Any());
    REQUIRE_OK(hold.Acquire({}));
    CHECK(HoldingOrder::Any());
    CHECK(absl::IsDeadlineExceeded(at.Append(Durability::kLocal, AtOnce()).status()));
    waiting = Elsewhere([&] { return at.Append(); });
    while (at.waits.slices < 3) std::this_thread::yield();
    hold.Enqueue(at.TakeLsn());
  }
  CHECK_FALSE(HoldingOrder::Any());
  CHECK(Value(InTime(waiting)) == Lsn{2});
}

TEST_CASE("Whoever has waited longest to hold an order gets it before those who come later") {
  Ordered at;
  Gate third_slice;
  at.waits.in_slice = [&] {
    if (at.waits.slices == 3) third_slice.Pass();
  };
  std::optional<CommitOrder::Hold> first;
  first.emplace(at.order);
  REQUIRE_OK(first->Acquire({}));
  auto second = Elsewhere([&] {
    CommitOrder::Hold hold(at.order);
    return hold.Acquire({}).status();
  });
  third_slice.AwaitReached();
  first.reset();
  // Free, and kept for the one that waits.
  std::stop_source stop;
  std::atomic<bool> asked = false;
  auto later = Elsewhere([&] {
    asked = true;
    return at.Append(Durability::kLocal, {.stop = stop.get_token()}).status();
  });
  while (!asked || at.waits.slices < 4) std::this_thread::yield();
  CHECK(at.order.last() == Lsn{});
  third_slice.Open();
  REQUIRE_OK(InTime(second));
  REQUIRE_OK(InTime(later));
}

TEST_CASE("Whoever gives up waiting keeps the order from nobody") {
  Ordered at;
  std::stop_source stop;
  {
    CommitOrder::Hold first(at.order);
    REQUIRE_OK(first.Acquire({}));
    auto second = Elsewhere([&] {
      CommitOrder::Hold hold(at.order);
      return hold.Acquire({.stop = stop.get_token()}).status();
    });
    while (at.waits.slices < 3) std::this_thread::yield();
    stop.request_stop();
    CHECK(absl::IsCancelled(InTime(second)));
  }
  REQUIRE_OK(at.Append(Durability::kLocal, Within(std::chrono::seconds(20))));
}

TEST_CASE("The order of a component that has failed comes to nobody") {
  Ordered at;
  at.waits.failed = absl::InternalError("failed");
  CHECK(at.Append().status() == at.waits.failed);
  CommitOrder::Hold hold(at.order);
  CHECK(hold.Acquire({}).status() == at.waits.failed);
}

// ---- Tasks --------------------------------------------------------------------------------------

std::shared_ptr<FakeTask> LeaveTo(Ordered& at) {
  auto task = std::make_shared<FakeTask>();
  CommitOrder::Hold hold(at.order);
  REQUIRE(hold.Acquire({}).ok());
  hold.LeaveTo(task);
  CHECK_FALSE(HoldingOrder::Any());
  return task;
}

TEST_CASE("Whoever wants an order that is left to a task does the task first") {
  Ordered at;
  const auto task = LeaveTo(at);
  bool held_within = false;
  Lsn last_within{99};
  task->run = [&] {
    held_within = HoldingOrder::Any();
    last_within = at.order.last();
    return true;
  };
  CHECK(at.order.EndAtRest() == std::nullopt);
  REQUIRE_OK(at.Append());
  CHECK(task->runs == 1);
  CHECK(held_within);
  CHECK(last_within == Lsn{});
  at.order.Help(*task, {});
  CHECK(task->runs == 1);
  CHECK(task.use_count() == 1);  // the order has let go of it
}

TEST_CASE("While a thread is at a task others wait for it") {
  Ordered at;
  const auto task = LeaveTo(at);
  Gate gate;
  task->run = [&] {
    gate.Pass();
    return true;
  };
  auto helping = Elsewhere([&] {
    at.order.Help(*task, {});
    return true;
  });
  gate.AwaitReached();
  at.order.Help(*task, {});  // another is at it
  CHECK(absl::IsDeadlineExceeded(at.Append(Durability::kLocal, AtOnce()).status()));
  auto appending = Elsewhere([&] { return at.Append(); });
  gate.Open();
  CHECK(InTime(helping));
  REQUIRE_OK(InTime(appending));
  CHECK(task->runs == 1);
}

TEST_CASE("A task that a thread had no time for stays for the next one") {
  Ordered at;
  const auto task = LeaveTo(at);
  std::stop_source stop;
  task->run = [&] {
    stop.request_stop();
    return task->runs > 1;
  };
  CHECK(absl::IsCancelled(at.Append(Durability::kLocal, {.stop = stop.get_token()}).status()));
  CHECK(at.order.last() == Lsn{});
  REQUIRE_OK(at.Append());
  CHECK(task->runs == 2);
}

TEST_CASE("A task that is dropped frees the order, also while a thread that had no time is at it") {
  Ordered at;
  const auto dropped = LeaveTo(at);
  at.order.Drop(*dropped);
  REQUIRE_OK(at.Append());
  CHECK(dropped->runs == 0);
  const auto late = LeaveTo(at);
  late->run = [&] {
    late->still_wanted = false;
    at.order.Drop(*late);  // nothing is left to it at the moment
    return false;
  };
  at.order.Help(*late, {});
  REQUIRE_OK(at.Append());
  CHECK(late->runs == 1);
}

}  // namespace
}  // namespace dr::test
