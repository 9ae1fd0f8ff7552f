// What a log decides under its mutex, and that it is checked when that is given back.

#include "src/log/log_state.h"

#include <catch2/catch.hpp>
#include <utility>
#include <vector>

#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_random.h"
#include "src/log/locked_log.h"
#include "tests/log/segment_values.h"
#include "tests/support/fails_assertion.h"

namespace dr::test {
namespace {

/// Gives the state its ring, and does nothing else.
class BindingSink final : public LogSink {
 public:
  explicit BindingSink(LogState& state) : state_(state) {}
  absl::Status MakeRoom(std::uint64_t, const Context&) override {
    return absl::ResourceExhaustedError("no room");
  }
  absl::Status Admit(std::size_t, const Context&) override { return absl::OkStatus(); }
  void Withdraw(std::size_t) override {}
  absl::Status Stage(Lsn, const Context&) override { return absl::OkStatus(); }
  absl::Status Persist(Lsn, const Context&) override { return absl::OkStatus(); }
  Lsn durable() const override { return state_.positions.durable(); }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  void Bind(OperationLog& log) override { state_.Bind(log); }
  LogState& state_;
};

constexpr std::size_t kGroupBytes = 2 * kBlockBytes;

/// A new log whose newest segment has room for `blocks` groups.
struct Fixture {
  explicit Fixture(std::uint64_t blocks = 14, bool direct = true)
      : state(Opened(), direct, kGroupBytes) {
    state.chain.Extend(state.chain.prepared_bytes(), blocks * kBlockBytes);
  }
  OpenedLog Opened() {
    return Value(OpenLogIn(*folder.directory, {.clock = &clock,
                                               .random = &random,
                                               .segment_bytes = kSegmentBytes,
                                               .group_bytes = kGroupBytes}));
  }
  void Append(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      entries.push_back(std::make_unique<LogEntry>());
      REQUIRE_OK(ring.Append(*entries.back()));
    }
  }
  /// As a thread does that writes it.
  void Write(std::size_t slot) {
    state.encoder.GiveBack(state.in_flight.Take(slot).buffer);
    state.in_flight.SetWritten(slot);
  }

  SimFolder folder;
  SimClock clock;
  SimRandom random{1};
  LogState state;
  BindingSink sink{state};
  OperationLog ring{sink, {.capacity = 64}};
  std::vector<std::unique_ptr<LogEntry>> entries;
};

TEST_CASE("a state needs its ring, and has one") {
  Fixture f;
  CHECK(&f.state.ring() == &f.ring);
  CHECK(FailsAssertion("ring_ == nullptr", [&] { f.state.Bind(f.ring); }));
  SimFolder other;
  LogState unbound(Value(OpenLogIn(*other.directory, {.clock = &f.clock,
                                                      .random = &f.random,
                                                      .segment_bytes = kSegmentBytes,
                                                      .group_bytes = kGroupBytes})),
                   true, kGroupBytes);
  CHECK(FailsAssertion("ring_ != nullptr", [&] { unbound.UpdateLimit(); }));
}

TEST_CASE("producers go on as far as blocks stand behind their Lsns, and no further in trouble") {
  Fixture f(10);
  CHECK(f.ring.limit() == Lsn{0});
  f.state.UpdateLimit();
  const std::uint64_t free = LogSpace::Free(f.state.Space());
  CHECK(f.ring.limit() == Lsn{free});
  f.ring.Close();
  f.state.health.Stall();
  f.state.UpdateLimit();
  CHECK(f.ring.limit() == Lsn{0});
  CHECK_FALSE(f.state.CanLead());
}

TEST_CASE("what was appended becomes a group, takes its place and is on its way") {
  Fixture f;
  f.state.UpdateLimit();
  f.Append(3);
  f.state.Encode();
  CHECK(f.state.positions.staged() == Lsn{3});
  CHECK(f.ring.staged() == Lsn{3});
  CHECK(f.state.encoder.open());
  const std::uint64_t offset = f.state.chain.offset();
  const std::size_t slot = f.state.Dispatch();
  CHECK(f.state.chain.offset() == offset + kBlockBytes);
  CHECK(f.state.positions.dispatched() == Lsn{3});
  CHECK(f.state.in_flight.oldest().records == 3);
  CHECK(f.state.in_flight.waiting() == slot);
  CHECK(f.state.Figures().records == 3);
  f.state.Check();
}

TEST_CASE("a second group goes out beside the first when it is at least as large") {
  Fixture f;
  f.state.UpdateLimit();
  f.Append(2);
  CHECK(f.state.CanLead());
  f.state.Encode();
  const std::size_t first = f.state.Dispatch();
  f.Append(1);
  CHECK_FALSE(f.state.CanLead());
  f.Append(1);
  CHECK(f.state.CanLead());
  f.state.Encode();
  f.state.Dispatch();
  f.Append(4);
  CHECK_FALSE(f.state.CanLead());  // two are in flight
  f.Write(first);
  f.state.in_flight.Remove();
  CHECK(f.state.CanLead());
}

TEST_CASE("without direct writes one sync runs at a time") {
  Fixture f(14, false);
  f.state.UpdateLimit();
  f.Append(1);
  f.state.Encode();
  f.state.Dispatch();
  f.Append(4);
  CHECK_FALSE(f.state.CanLead());
}

TEST_CASE("a full segment ends when nothing is in flight, nobody prepares, and a spare is there") {
  Fixture f(0);
  CHECK(f.state.SegmentFull());
  CHECK_FALSE(f.state.CanLead());
  f.state.chain.spares().Add(f.folder.Spare(9, kSegmentBytes));
  CHECK(f.state.CanLead());
  f.state.work.Begin(SegmentWork::Step::kPreparingSpare);
  CHECK_FALSE(f.state.CanLead());
  f.state.work.End(SegmentWork::Step::kPreparingSpare);
  f.state.BeginRotation();
  CHECK(f.state.work.rotating());
  CHECK_FALSE(f.state.CanLead());
  CHECK_FALSE(f.state.OpenGroup({1}, 1));
  f.state.Check();
  f.state.chain.MakePlaces();
  f.state.EndRotation();
  CHECK(f.state.chain.prefix().number == 2);
  CHECK(f.state.OpenGroup({1}, 1));
}

TEST_CASE("a state that makes no sense ends the process when the mutex is given back") {
  SimFolder folder;
  SimClock clock;
  SimRandom random(1);
  OpenedLog opened = Value(OpenLogIn(*folder.directory, {.clock = &clock,
                                                         .random = &random,
                                                         .segment_bytes = kSegmentBytes,
                                                         .group_bytes = kGroupBytes}));
  SharedLog shared(clock, nullptr, std::move(opened), true, kGroupBytes);
  CHECK(FailsAssertion("staged_ <= allowed_", [&] {
    LockedLog log(shared);
    log->positions.Stage(true);
  }));
  CHECK(FailsAssertion("durable <= dispatched_", [&] {
    LockedLog log(shared);
    log->positions.Acknowledge({1}, {}, {0});
    log.Unlocked([] { return absl::OkStatus(); }).IgnoreError();
  }));
}

TEST_CASE("the mutex is free while something is done without it, and held again afterwards") {
  SimFolder folder;
  SimClock clock;
  SimRandom random(1);
  OpenedLog opened = Value(OpenLogIn(*folder.directory, {.clock = &clock,
                                                         .random = &random,
                                                         .segment_bytes = kSegmentBytes,
                                                         .group_bytes = kGroupBytes}));
  SharedLog shared(clock, nullptr, std::move(opened), true, kGroupBytes);
  LockedLog log(shared);
  const Lsn seen = log.Unlocked([&] {
    LockedLog beside(shared);
    beside->positions.Allow({5});
    return beside->positions.allowed();
  });
  CHECK(seen == Lsn{5});
  CHECK(log->positions.allowed() == Lsn{5});
}

}  // namespace
}  // namespace dr::test
