// The ring by itself, in front of a sink that writes nothing.

#include "dr/log/operation_log.h"

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "dr/status.h"
#include "tests/log/log_fixture.h"
#include "tests/support/fails_assertion.h"

namespace dr::test {
namespace {

/// Notes what it is asked for. Gives room when `gives_room`, else refuses.
class NotingSink final : public LogSink {
 public:
  explicit NotingSink(Lsn durable = {0}) : durable_(durable) {}
  absl::Status MakeRoom(std::uint64_t count, const Context&) override {
    asked_for += count;
    if (!gives_room) return absl::ResourceExhaustedError("full");
    log->Release(log->last());
    log->Allow({log->last().value + log->capacity()});
    return absl::OkStatus();
  }
  absl::Status Admit(std::size_t bytes, const Context&) override {
    admitted += bytes;
    return absl::OkStatus();
  }
  void Withdraw(std::size_t bytes) override { admitted -= bytes; }
  absl::Status Stage(Lsn, const Context&) override { return absl::OkStatus(); }
  absl::Status Persist(Lsn upto, const Context&) override {
    persisted = upto;
    return absl::OkStatus();
  }
  Lsn durable() const override { return durable_; }
  absl::Status status() const override { return absl::OkStatus(); }

  OperationLog* log = nullptr;
  bool gives_room = true;
  std::uint64_t asked_for = 0;
  std::size_t admitted = 0;
  Lsn persisted = {};

 private:
  void Bind(OperationLog& bound) override { log = &bound; }
  const Lsn durable_;
};

TEST_CASE(
    "a log is known to its sink from its constructor on, and goes on behind what is durable") {
  NotingSink sink({41});
  OperationLog log(sink, {.capacity = 8});
  CHECK(sink.log == &log);
  CHECK(log.last() == Lsn{41});
  CHECK(log.staged() == Lsn{41});
  CHECK(log.limit() == Lsn{41});  // there is room when the sink says so
  LogEntry entry;
  CHECK(Value(log.Append(entry)) == Lsn{42});
  CHECK(entry.record.lsn == Lsn{42});
}

TEST_CASE("a sink has one log in its life") {
  NotingSink sink;
  { const OperationLog log(sink, {.capacity = 8}); }
  CHECK(FailsAssertion("sink_.bound_", [&] { const OperationLog second(sink, {.capacity = 8}); }));
}

TEST_CASE("no Lsn is taken beyond the limit, and none is lost to a sink without room") {
  NotingSink sink;
  OperationLog log(sink, {.capacity = 4});
  std::array<LogEntry, 6> entries;
  log.Allow({2});
  CHECK(Value(log.Append(entries[0])) == Lsn{1});
  CHECK(Value(log.Append(entries[1])) == Lsn{2});
  CHECK(sink.asked_for == 0);
  sink.gives_room = false;
  CHECK(absl::IsResourceExhausted(log.Append(entries[2]).status()));
  CHECK(log.last() == Lsn{2});
  sink.gives_room = true;
  CHECK(Value(log.Append(entries[2])) == Lsn{3});
  log.Close();
  sink.gives_room = false;
  CHECK(absl::IsResourceExhausted(log.Append(entries[3]).status()));
}

TEST_CASE("a batch has consecutive Lsns, is marked as one, and fits whole or not at all") {
  NotingSink sink;
  OperationLog log(sink, {.capacity = 8});
  std::array<LogEntry, 3> entries;
  const std::vector<LogEntry*> batch = {&entries[0], &entries[1], &entries[2]};
  log.Allow({2});
  CHECK_FALSE(log.TryAppend(batch));
  CHECK(log.last() == Lsn{0});
  CHECK(Value(log.AppendBatch(batch)) == Lsn{3});
  CHECK(entries[0].record.batch_continues);
  CHECK(entries[1].record.batch_continues);
  CHECK_FALSE(entries[2].record.batch_continues);
  for (std::uint64_t lsn = 1; lsn <= 3; ++lsn) {
    CHECK(&log.AwaitEntry({lsn}) == &entries[lsn - 1]);
  }
}

TEST_CASE("space is settled once for all that is large in a batch, and given back without room") {
  NotingSink sink;
  OperationLog log(sink, {.capacity = 8});
  const std::string small(kSmallRecordBytes, 's'), large(kSmallRecordBytes + 1, 'l');
  std::array<LogEntry, 3> entries = {LogEntry{{.payload = small}}, LogEntry{{.payload = large}},
                                     LogEntry{{.payload = large}}};
  const std::vector<LogEntry*> batch = {&entries[0], &entries[1], &entries[2]};
  CHECK(Value(log.AppendBatch(batch)) == Lsn{3});
  CHECK(sink.admitted == 2 * large.size());
  sink.gives_room = false;
  log.Close();
  CHECK_FALSE(log.AppendBatch(batch).ok());
  CHECK(sink.admitted == 2 * large.size());
}

TEST_CASE("what a record may not be is refused before a Lsn is spent") {
  NotingSink sink;
  OperationLog log(sink, {.capacity = 8});
  const std::string name(kMaxNameBytes + 1, 'n'), payload(kMaxPayloadBytes + 1, 'p');
  LogEntry named{{.component = name}}, paid{{.payload = payload}};
  for (LogEntry* entry : {&named, &paid}) {
    CHECK(FaultOf(log.Append(*entry).status())->kind == FaultKind::kLimit);
  }
  CHECK(FaultOf(log.AppendBatch({}).status())->kind == FaultKind::kLimit);
  CHECK(log.last() == Lsn{0});
}

TEST_CASE("who waits for what is durable does not reach the sink") {
  NotingSink sink({5});
  OperationLog log(sink, {.capacity = 8});
  REQUIRE_OK(log.Persist({5}));
  CHECK(sink.persisted == Lsn{});
  REQUIRE_OK(log.Persist({6}));
  CHECK(sink.persisted == Lsn{6});
}

TEST_CASE("entries of many producers are there in the order of their Lsns, each once") {
  NotingSink sink;
  constexpr std::uint64_t kThreads = 4, kEach = 256;
  OperationLog log(sink, {.capacity = kThreads * kEach});
  log.Allow({kThreads * kEach});
  std::vector<std::vector<LogEntry>> entries(kThreads, std::vector<LogEntry>(kEach));
  {
    std::vector<std::jthread> producers;
    for (std::vector<LogEntry>& own : entries) {
      producers.emplace_back([&] {
        for (LogEntry& entry : own) static_cast<void>(log.Append(entry));
      });
    }
    // As the sink does: beside the producers.
    for (std::uint64_t seen = 0; seen < kThreads * kEach;) {
      if (log.last() == Lsn{seen}) continue;
      ++seen;
      REQUIRE(log.AwaitEntry({seen}).record.lsn == Lsn{seen});
    }
  }
  for (const std::vector<LogEntry>& own : entries) {
    for (std::size_t i = 1; i < own.size(); ++i) CHECK(own[i - 1].record.lsn < own[i].record.lsn);
  }
  log.Release(log.last());
  CHECK(log.staged() == log.last());
}

}  // namespace
}  // namespace dr::test
