#include "src/component/component_callbacks.h"

#include <catch2/catch.hpp>
#include <stdexcept>

#include "dr/status.h"
#include "src/component/callback_frame.h"
#include "tests/component/gate.h"
#include "tests/component/scripted_component.h"
#include "tests/support/status.h"

namespace dr::test {
namespace {

struct Called {
  Scripted component;
  ComponentCallbacks callbacks{component, {"called", {.name = "scripted", .version = 1}}};

  absl::Status Apply(Lsn lsn, std::string_view payload = "x") {
    return callbacks.Replay({.lsn = lsn}, payload);
  }
  absl::StatusOr<StateCopy> Copy() {
    ReaderLock lock(callbacks.state_mutex());
    return callbacks.CopyState();
  }
};

Instant At(int seconds) { return Instant::FromNanoseconds(seconds * 1'000'000'000LL); }

void CheckBlamed(const absl::Status& status, std::string_view callback, std::string_view what) {
  INFO(status.ToString());
  CHECK(status.code() == absl::StatusCode::kInternal);
  const std::optional<Fault> fault = FaultOf(status);
  REQUIRE(fault.has_value());
  CHECK(fault->kind == FaultKind::kComponent);
  CHECK(fault->place == "called");
  CHECK(AsStd(status.message()).find(callback) != std::string_view::npos);
  CHECK(AsStd(status.message()).find(what) != std::string_view::npos);
}

TEST_CASE("What a callback does wrong names the component, the callback and the mistake") {
  struct Mistake {
    std::function<absl::Status()> make;
    std::string_view what;
  };
  const Mistake mistakes[] = {
      {[] { return absl::NotFoundError("no such thing"); }, "no such thing"},
      {[]() -> absl::Status { throw std::runtime_error("lost my head"); }, "lost my head"},
      {[]() -> absl::Status { throw 7; }, "not a std::exception"},
      {[] {
         CallbackFrame::Current()->reentered = true;
         return absl::OkStatus();
       },
       "called back into dr"},
  };
  for (const Mistake& mistake : mistakes) {
    Called of;
    Scripted& component = of.component;
    Records records;
    component.on_apply = [&](const Operation&) { return mistake.make(); };
    CheckBlamed(of.Apply({1}), "Apply", mistake.what);
    CHECK(of.callbacks.applied() == Lsn{});
    component.on_save = mistake.make;
    CheckBlamed(of.callbacks.Save(records), "SaveState", mistake.what);
    CheckBlamed(of.Copy().status(), "SaveState", mistake.what);
    component.on_load = mistake.make;
    CheckBlamed(of.callbacks.Load(records, {}), "LoadState", mistake.what);
    SchemaUpgrades upgrades;
    component.on_upgrades = [&](SchemaUpgrades&) { return mistake.make(); };
    CheckBlamed(of.callbacks.RegisterUpgrades(upgrades), "RegisterUpgrades", mistake.what);
    StateCopy copy{.view = [&](StateWriter&) { return mistake.make(); }};
    CheckBlamed(of.callbacks.WriteCopy(copy, records), "the frozen view", mistake.what);
    CHECK(CallbackFrame::Current() == nullptr);
  }
}

TEST_CASE("A fault that a callback passes on stays what it is") {
  Called of;
  const absl::Status fault =
      MakeFault({.kind = FaultKind::kWalCorrupt, .place = "elsewhere"}, "rotten");
  of.component.on_load = [&] { return fault; };
  Records none;
  CHECK(of.callbacks.Load(none, {}) == fault);
}

TEST_CASE("The state includes what was loaded, and each operation that has been applied") {
  Called of;
  Records records({"a", "b"});
  REQUIRE_OK(of.callbacks.Load(records, {7}));
  CHECK(of.callbacks.applied() == Lsn{7});
  Lsn during;
  of.component.on_apply = [&](const Operation& op) {
    during = of.callbacks.applied();
    CHECK(op.component == "called");
    CHECK(op.schema.name == "scripted");
    return absl::OkStatus();
  };
  REQUIRE_OK(of.Apply({9}, "c"));
  CHECK(during == Lsn{7});
  CHECK(of.callbacks.applied() == Lsn{9});
  CHECK(of.component.Payloads() == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("A copy of the state is its frozen view, or its records where there is none") {
  Called of;
  REQUIRE_OK(of.Apply({1}, "a"));
  StateCopy records = Value(of.Copy());
  CHECK(records.records == std::vector<std::string>{"a"});
  of.component.on_freeze = [] { return [](StateWriter& out) { return out.Write("frozen"); }; };
  StateCopy frozen = Value(of.Copy());
  CHECK(frozen.records.empty());
  Records written;
  REQUIRE_OK(of.callbacks.WriteCopy(records, written));
  REQUIRE_OK(of.callbacks.WriteCopy(frozen, written));
  CHECK(written.records == std::vector<std::string>{"a", "frozen"});
}

TEST_CASE("Of a component that has failed no copy is taken, none written, and no digest") {
  Called of;
  of.component.on_digest = [] { return DigestOf("state"); };
  of.component.on_freeze = [] { return [](StateWriter& out) { return out.Write("frozen"); }; };
  StateCopy before = Value(of.Copy());
  CHECK(Value(of.callbacks.StateDigest()) == DigestOf("state"));
  const absl::Status why = absl::InternalError("half an operation");
  of.callbacks.health().Fail(why);
  Records written;
  CHECK(of.Copy().status() == why);
  CHECK(of.callbacks.WriteCopy(before, written) == why);
  CHECK(of.callbacks.StateDigest().status() == why);
  CHECK(written.records.empty());
}

TEST_CASE("A digest is not waited for while the state is locked") {
  Called of;
  of.component.on_digest = [] { return DigestOf("state"); };
  std::future<absl::StatusOr<std::optional<Digest>>> digest;
  {
    WriterLock lock(of.callbacks.state_mutex());
    digest = Elsewhere([&] { return of.callbacks.StateDigest(); });
    CHECK(Value(InTime(digest)) == std::nullopt);
  }
}

TEST_CASE("A thread that has the state's lock is refused by name, and no other") {
  Called of;
  REQUIRE_OK(of.callbacks.CheckStateLock());
  ReaderLock lock(of.callbacks.state_mutex());
  const absl::Status refused = of.callbacks.CheckStateLock();
  CHECK(IsFault(refused, FaultKind::kUsage));
  CHECK(FaultOf(refused)->place == "called");
  auto other = Elsewhere([&] { return of.callbacks.CheckStateLock(); });
  REQUIRE_OK(InTime(other));
}

TEST_CASE("A callback that does not move for a deadline is named, whichever it is") {
  Called of;
  const std::chrono::seconds deadline(2);
  Gate gate;
  StateCopy copy{.view = [&](StateWriter& out) {
    gate.Pass();
    return out.Write("late");
  }};
  Records written;
  auto writing = Elsewhere([&] { return of.callbacks.WriteCopy(copy, written); });
  gate.AwaitReached();
  for (int second = 0; second < 2; ++second) {
    REQUIRE_OK(of.callbacks.Overdue(At(second), deadline));
  }
  CheckBlamed(of.callbacks.Overdue(At(2), deadline), "the frozen view", "within the deadline");
  gate.Open();
  REQUIRE_OK(InTime(writing));
  {
    WriterLock lock(of.callbacks.state_mutex());
    CallbackWatch::Inside applying = of.callbacks.BeginApplying();
    for (int second = 3; second < 5; ++second) {
      REQUIRE_OK(of.callbacks.Overdue(At(second), deadline));
      applying.Progress();
    }
    for (int second = 5; second < 7; ++second) {
      REQUIRE_OK(of.callbacks.Overdue(At(second), deadline));
    }
    CheckBlamed(of.callbacks.Overdue(At(7), deadline), "Apply", "within the deadline");
  }
  REQUIRE_OK(of.callbacks.Overdue(At(100), deadline));
}

TEST_CASE("The time that a frozen view waits for its writer is not its own") {
  struct Slow : StateWriter {
    Gate gate;
    absl::Status WriteRecord(std::string_view) override {
      gate.Pass();
      return absl::OkStatus();
    }
  } slow;
  Called of;
  StateCopy copy{.view = [](StateWriter& out) { return out.Write("record"); }};
  auto writing = Elsewhere([&] { return of.callbacks.WriteCopy(copy, slow); });
  slow.gate.AwaitReached();
  for (int second = 0; second < 10; ++second) {
    REQUIRE_OK(of.callbacks.Overdue(At(second), std::chrono::seconds(1)));
  }
  slow.gate.Open();
  REQUIRE_OK(InTime(writing));
}

TEST_CASE("The end of a failed component's callbacks is awaited, a view that is written included") {
  Called of;
  Gate gate;
  std::atomic<bool> ended = false;
  bool ended_within = false;
  StateCopy copy{.view = [&](StateWriter&) {
    gate.Pass();
    ended_within = ended;
    return absl::OkStatus();
  }};
  Records written;
  auto writing = Elsewhere([&] { return of.callbacks.WriteCopy(copy, written); });
  gate.AwaitReached();
  const absl::Status gone = absl::InternalError("gone");
  of.callbacks.health().Fail(gone);
  auto waiting = Elsewhere([&] {
    of.callbacks.AwaitEnd();
    ended = true;
    return true;
  });
  gate.Open();
  CHECK(InTime(writing) == gone);
  CHECK(InTime(waiting));
  CHECK_FALSE(ended_within);
}

}  // namespace
}  // namespace dr::test
