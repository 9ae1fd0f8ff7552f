// A checkpoint leaves the disk to the log, but only while the log is used and nothing presses.

#include "src/runtime/paced_writer.h"

#include <catch2/catch.hpp>
#include <thread>

namespace dr {
namespace {

struct Nowhere final : StateWriter {
  absl::Status Write(std::string_view) override { return absl::OkStatus(); }
};

struct Accepting final : LogSink {
  absl::Status MakeRoom(OperationLog& log, std::uint64_t, const Context&) override {
    log.Release(log.last());
    log.Allow({log.last().value + log.capacity()});
    return absl::OkStatus();
  }
  absl::Status Admit(OperationLog&, std::size_t, const Context&) override {
    return absl::OkStatus();
  }
  void Withdraw(OperationLog&, std::size_t) override {}
  absl::Status Stage(OperationLog&, Lsn) override { return absl::OkStatus(); }
  absl::Status Persist(OperationLog&, Lsn, const Context&) override { return absl::OkStatus(); }
  Lsn durable() const override { return {}; }
};

/// Every look finds that an hour has passed: whoever rests at all will not end by itself.
struct HourlyClock final : Clock {
  Instant Now() const override { return Instant::FromNanoseconds(0) + std::chrono::hours(++hours); }
  absl::Time WallTime() const override { return absl::UnixEpoch(); }
  mutable std::atomic<int> hours = 0;
};

struct Fixture {
  Nowhere nowhere;
  Accepting sink;
  OperationLog log{sink, {.capacity = 64}, {}};
  HourlyClock clock;
  const std::string record = std::string(2 << 20, 'r');
};

/// Appends until it goes out of scope.
class Appender {
 public:
  explicit Appender(OperationLog& log)
      : thread_([&log](std::stop_token stop) {
          LogEntry entry;
          while (!stop.stop_requested()) static_cast<void>(log.Append(entry));
        }) {}

 private:
  std::jthread thread_;
};

TEST_CASE("A checkpoint does not wait for a log that nobody appends to") {
  Fixture f;
  PacedWriter writer(f.nowhere, f.log, f.clock, 0.05, {});
  for (int i = 0; i < 3; ++i) CHECK(writer.Write(f.record).ok());
}

TEST_CASE("A checkpoint with a deadline, or with the whole disk, does not wait") {
  Fixture f;
  Appender appender(f.log);
  const Context hurry{.deadline = Instant::FromNanoseconds(0)};
  PacedWriter hurried(f.nowhere, f.log, f.clock, 0.05, hurry);
  CHECK(hurried.Write(f.record).ok());
  PacedWriter whole(f.nowhere, f.log, f.clock, 1, {});
  CHECK(whole.Write(f.record).ok());
}

TEST_CASE("A checkpoint rests while operations are appended, until it is told to stop") {
  Fixture f;
  std::stop_source source;
  const Context context{.stop = source.get_token()};
  std::atomic<bool> stopped = false, rested = false;
  Appender appender(f.log);
  std::thread writing([&] {
    PacedWriter writer(f.nowhere, f.log, f.clock, 0.05, context);
    static_cast<void>(writer.Write(f.record));
    rested = stopped.load();
  });
  while (f.clock.hours < 2) std::this_thread::yield();  // it has seen how long the record took
  stopped = true;
  source.request_stop();
  writing.join();
  CHECK(rested);
}

}  // namespace
}  // namespace dr
