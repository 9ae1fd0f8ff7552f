#include "src/log/unlogged_sink.h"

#include <catch2/catch.hpp>
#include <string>

#include "dr/testing/sim_clock.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

struct Fixture {
  SimClock clock;
  UnloggedSink sink = UnloggedSink(clock, {9}, LogTime(clock, 0, LogTime::Trust::kTimes));
  OperationLog log = OperationLog(sink, {.capacity = 4});
};

TEST_CASE("without a log operations have order and time, and are as durable as they will ever be") {
  Fixture f;
  LogEntry entry{{.payload = "four"}};
  CHECK(Value(f.log.Append(entry)) == Lsn{10});
  CHECK(f.log.durable() == Lsn{9});
  REQUIRE_OK(f.log.Persist({10}));
  CHECK(f.log.durable() == Lsn{10});
  CHECK(entry.record.time_ns == absl::ToUnixNanos(f.clock.WallTime()));
  CHECK(f.sink.bytes() == 4);
}

TEST_CASE("the ring of a host without a log never stays full") {
  Fixture f;
  std::vector<LogEntry> entries(20);
  for (LogEntry& entry : entries) REQUIRE_OK(f.log.Append(entry));
  CHECK(f.log.last() == Lsn{29});
}

TEST_CASE("a host that has ended takes no more, and says why, but ends what has its Lsn") {
  Fixture f;
  LogEntry taken, late;
  REQUIRE_OK(f.log.Append(taken));
  f.sink.End(absl::FailedPreconditionError("fenced"));
  f.sink.End(absl::InternalError("later"));
  CHECK(absl::IsFailedPrecondition(f.log.Append(late).status()));
  CHECK(absl::IsFailedPrecondition(f.log.status()));
  REQUIRE_OK(f.log.Persist({10}));
  CHECK(f.log.durable() == Lsn{10});
  CHECK(absl::IsFailedPrecondition(f.log.Append(late).status()));
}

}  // namespace
}  // namespace dr::test
