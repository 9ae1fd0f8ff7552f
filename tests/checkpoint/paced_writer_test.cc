// A checkpoint leaves the disk to the log, but only while the log is used and nothing presses.

#include "src/checkpoint/paced_writer.h"

#include <catch2/catch.hpp>
#include <functional>

namespace dr {
namespace {

struct Accepting final : LogSink {
  void Bind(OperationLog& to) override { log = &to; }
  absl::Status MakeRoom(std::uint64_t, const Context&) override {
    log->Release(log->last());
    log->Allow({log->last().value + log->capacity()});
    return absl::OkStatus();
  }
  absl::Status Admit(std::size_t, const Context&) override { return absl::OkStatus(); }
  void Withdraw(std::size_t) override {}
  absl::Status Stage(Lsn, const Context&) override { return absl::OkStatus(); }
  absl::Status Persist(Lsn, const Context&) override { return absl::OkStatus(); }
  Lsn durable() const override { return {}; }
  absl::Status status() const override { return absl::OkStatus(); }

  OperationLog* log = nullptr;
};

/// Moves when somebody works or sleeps.
struct WorkClock final : Clock {
  Instant Now() const override { return Instant::FromNanoseconds(0) + now; }
  absl::Time WallTime() const override { return absl::UnixEpoch(); }
  void SleepUntil(Instant at, const std::stop_token&) const override {
    slept += at - Now();
    now += at - Now();
    ++rests;
    if (while_resting) while_resting();
  }

  mutable std::chrono::nanoseconds now = {}, slept = {};
  mutable int rests = 0;
  std::function<void()> while_resting = {};
};

constexpr std::chrono::milliseconds kWork(100);

struct Slow final : StateWriter {
  explicit Slow(WorkClock& moved) : clock(moved) {}
  absl::Status WriteRecord(std::string_view) override {
    clock.now += kWork;
    return absl::OkStatus();
  }
  WorkClock& clock;
};

struct Fixture {
  void Append() {
    LogEntry entry;
    CHECK(log.Append(entry).ok());
  }

  WorkClock clock;
  Slow out{clock};
  Accepting sink;
  OperationLog log{sink, {.capacity = 64}};
  const std::string record = std::string(2 << 20, 'r');
};

TEST_CASE("A checkpoint rests for its share while operations are appended") {
  Fixture f;
  f.Append();
  f.clock.while_resting = [&] { f.Append(); };
  PacedWriter writer(f.out, f.log, f.clock, 0.05, {});
  CHECK(writer.Write(f.record).ok());
  CHECK(f.clock.slept == 19 * kWork);
  CHECK(writer.Write("short").ok());
  CHECK(f.clock.slept == 19 * kWork);
  CHECK(writer.Write(f.record).ok());
  CHECK(f.clock.slept == 3 * 19 * kWork);
}

TEST_CASE("A checkpoint does not wait for a log that nobody appends to") {
  Fixture f;
  PacedWriter writer(f.out, f.log, f.clock, 0.05, {});
  for (int i = 0; i < 3; ++i) CHECK(writer.Write(f.record).ok());
  CHECK(f.clock.rests == 0);
  f.Append();
  CHECK(writer.Write(f.record).ok());
  CHECK(f.clock.rests == 1);  // to see whether more comes
}

TEST_CASE("A checkpoint with a deadline, or with the whole disk, does not wait") {
  Fixture f;
  f.Append();
  f.clock.while_resting = [&] { f.Append(); };
  const Context hurry{.deadline = Instant::FromNanoseconds(0)};
  PacedWriter hurried(f.out, f.log, f.clock, 0.05, hurry);
  CHECK(hurried.Write(f.record).ok());
  PacedWriter whole(f.out, f.log, f.clock, 1, {});
  CHECK(whole.Write(f.record).ok());
  CHECK(f.clock.rests == 0);
}

TEST_CASE("A checkpoint rests no longer when it is told to stop") {
  Fixture f;
  f.Append();
  std::stop_source source;
  f.clock.while_resting = [&] {
    f.Append();
    if (f.clock.rests == 5) source.request_stop();
  };
  PacedWriter writer(f.out, f.log, f.clock, 0.05, {.stop = source.get_token()});
  CHECK(writer.Write(f.record).ok());
  CHECK(f.clock.rests == 5);
}

}  // namespace
}  // namespace dr
