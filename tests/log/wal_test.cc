#include "dr/log/wal.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "dr/environment/file_system.h"
#include "fmt/format.h"
#include "src/log/log_reader.h"
#include "src/log/segment_files.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

struct RealDirectory {
  TempDirectory temporary;
  PosixFileSystem files;
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<Directory> directory =
      Value(files.OpenDirectory(temporary.path(), Create::kNever));

  absl::StatusOr<OpenLog> Open(const LogOptions& options = {}, Observer* observer = nullptr) {
    return TryOpen(*directory, clock, random, options, observer);
  }
};

TEST_CASE("A new log is empty, and what is appended can be read at once and after reopening") {
  RealDirectory real;
  {
    OpenLog log = Value(real.Open());
    CHECK(log.wal->recovery().created);
    CHECK(Payloads(*log.wal).empty());
    CHECK(Value(log.Append("one")).value == 1);
    CHECK(Value(log.Append("")).value == 2);
    CHECK(Payloads(*log.wal) == std::vector<std::string>{"one", ""});
  }
  OpenLog log = Value(real.Open());
  CHECK(log.wal->recovery().last.value == 2);
  CHECK(Payloads(*log.wal) == std::vector<std::string>{"one", ""});
  CHECK(Value(log.Append("three")).value == 3);
  CHECK(Payloads(*log.wal, {3}) == std::vector<std::string>{"three"});
}

TEST_CASE("P2: records of every size go over groups and segments and come back whole") {
  RealDirectory real;
  std::vector<std::string> written;
  {
    OpenLog log = Value(real.Open());
    for (std::size_t size : {0, 1, 100, 2047, 2048, 2049, 4000, 4096, 8191, 8192, 60'000, 70'000,
                             200'000, 1'000'000}) {
      written.emplace_back(size, static_cast<char>('a' + written.size()));
      CHECK(Value(log.Append(written.back())).value == written.size());
    }
    CHECK(Payloads(*log.wal) == written);
    CHECK(log.wal->figures().rotations > 15);
  }
  OpenLog log = Value(real.Open());
  CHECK(Payloads(*log.wal) == written);
  // A reader may start at a record whose beginning is in an earlier segment.
  for (std::size_t from = 1; from <= written.size(); ++from) {
    CHECK(Payloads(*log.wal, {from}).front() == written[from - 1]);
  }
}

TEST_CASE("A21: 64 MiB are taken and one byte more is refused before a Lsn is spent") {
  RealDirectory real;
  OpenLog log = Value(real.Open({.segment_bytes = 16 << 20, .group_bytes = 1 << 20}));
  const std::string largest(kMaxPayloadBytes, 'x');
  CHECK(Value(log.Append(largest)).value == 1);
  absl::Status refused = log.Append(largest + 'x').status();
  CHECK(refused.code() == absl::StatusCode::kInvalidArgument);
  CHECK(FaultOf(refused)->kind == FaultKind::kLimit);
  CHECK(Value(log.Append("after")).value == 2);
  CHECK(Payloads(*log.wal).front() == largest);
}

TEST_CASE("A22: 16 threads on a full ring get dense Lsns and a reader beside them sees each once") {
  RealDirectory real;
  constexpr int kThreads = 16, kEach = 200;
  std::vector<std::string> read;
  {
    OpenLog log = Value(real.Open({.ring_capacity = 8}));
    std::unique_ptr<WalReader> reader = Value(log.wal->Read({1}));
    std::vector<std::thread> threads;
    std::atomic<int> failures = 0;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          if (!log.Append(fmt::format("{}/{}", t, i)).ok()) ++failures;
        }
      });
    }
    std::string wrong;
    while (read.size() < kThreads * kEach && wrong.empty() && failures == 0) {
      absl::StatusOr<std::optional<RecordView>> record = reader->Next();
      if (!record.ok()) wrong = record.status().ToString();
      if (!record.ok() || !*record) continue;
      read.emplace_back((*record)->payload);
      if ((*record)->lsn.value != read.size()) wrong = fmt::format("at {}", read.size());
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == "");
    CHECK(failures == 0);
    CHECK(log.wal->durable().value == kThreads * kEach);
    CHECK(log.wal->figures().groups < kThreads * kEach);
  }
  std::vector<int> next(kThreads, 0);
  for (const std::string& payload : read) {
    const int thread = std::stoi(payload);
    CHECK(payload == fmt::format("{}/{}", thread, next[thread]++));
  }
  for (int count : next) CHECK(count == kEach);
  CHECK(Payloads(*Value(real.Open()).wal) == read);
}

TEST_CASE("A batch has consecutive Lsns and too large a one is refused") {
  RealDirectory real;
  OpenLog log = Value(real.Open());
  CHECK(Value(log.AppendBatch({"a", "b", "c"})).value == 3);
  CHECK(FaultOf(log.AppendBatch({"1", "2", "3", "4", "5"}).status())->kind == FaultKind::kLimit);
  CHECK(Value(log.AppendBatch({std::string(50'000, 'x'), std::string(50'000, 'y')})).value == 5);
  CHECK(Payloads(*log.wal).size() == 5);
}

TEST_CASE("A18: a second opener in this or another process is told that the log is busy") {
  RealDirectory real;
  OpenLog log = Value(real.Open());
  absl::Status busy = real.Open().status();
  CHECK(busy.code() == absl::StatusCode::kUnavailable);
  CHECK(FaultOf(busy)->kind == FaultKind::kBusy);
}

TEST_CASE("Trimming recycles whole files and keeps what is needed") {
  RealDirectory real;
  OpenLog log = Value(real.Open());
  for (int i = 0; i < 200; ++i) REQUIRE_OK(log.Append(std::string(1000, 'x')));
  const WalFigures before = log.wal->figures();
  REQUIRE(before.segments > 5);
  REQUIRE_OK(log.wal->Trim({150}));
  CHECK(log.wal->figures().segments < before.segments);
  CHECK(log.wal->figures().recycled > 0);
  CHECK(Payloads(*log.wal, {150}).size() == 51);
  CHECK(FaultOf(log.wal->Read({1}).status())->kind == FaultKind::kWalGap);
  for (int i = 0; i < 200; ++i) REQUIRE_OK(log.Append(std::string(1000, 'y')));
  CHECK(Payloads(*log.wal, {150}).size() == 251);
}

TEST_CASE("A producer that needs room waits for another that prepares it") {
  RealDirectory real;
  OpenLog log = Value(real.Open());
  std::atomic<int> appended = 0;
  std::vector<std::thread> producers;
  for (int i = 0; i < 4; ++i) {
    producers.emplace_back([&] {
      for (int n = 0; n < 200; ++n) appended += log.AppendBatch({"a", "b", "c", "d"}).ok();
    });
  }
  for (std::thread& producer : producers) producer.join();
  CHECK(appended == 800);
}

TEST_CASE("What recovery did not need goes with the next trim") {
  RealDirectory real;
  {
    OpenLog log = Value(real.Open());
    for (int i = 0; i < 200; ++i) REQUIRE_OK(log.Append(std::string(1000, 'x')));
  }
  OpenLog log = Value(real.Open({.needed_from = {150}}));
  for (int i = 0; i < 200; ++i) REQUIRE_OK(log.Append(std::string(1000, 'y')));
  REQUIRE_OK(log.wal->Trim({350}));
  std::size_t segments = 0;
  for (const DirectoryEntry& entry : Value(real.directory->List())) {
    if (entry.name.ends_with(".wal")) ++segments;
  }
  CHECK(segments == log.wal->figures().segments);
  CHECK(Payloads(*log.wal, {350}).size() == 51);
}

TEST_CASE("A record that is needed may begin in a segment that holds nothing else that is") {
  RealDirectory real;
  {
    OpenLog log = Value(real.Open());
    REQUIRE_OK(log.Append(std::string(50'000, 'x')));
    REQUIRE_OK(log.Append(std::string(200'000, 'y')));
  }
  OpenLog log = Value(real.Open({.needed_from = {2}}));
  CHECK(Payloads(*log.wal, {2}) == std::vector<std::string>{std::string(200'000, 'y')});
}

TEST_CASE("A reader that has reached the end goes on when there is more") {
  RealDirectory real;
  OpenLog log = Value(real.Open());
  REQUIRE_OK(log.Append("one"));
  std::unique_ptr<WalReader> reader = Value(log.wal->Read({1}));
  CHECK(Value(reader->Next())->payload == "one");
  CHECK_FALSE(Value(reader->Next()).has_value());
  for (int i = 0; i < 100; ++i) {
    const std::string payload(3000, static_cast<char>('a' + i % 26));
    REQUIRE_OK(log.Append(payload));
    const std::optional<RecordView> record = Value(reader->Next());
    REQUIRE(record.has_value());
    CHECK(record->payload == payload);
    CHECK_FALSE(Value(reader->Next()).has_value());
  }
}

TEST_CASE("P6: a seal puts the evidence on the disk, once") {
  RealDirectory real;
  OpenLog log = Value(real.Open());
  REQUIRE_OK(log.Append("one"));
  CHECK(log.wal->figures().unsealed_records == 1);
  REQUIRE_OK(log.wal->Seal());
  REQUIRE_OK(log.wal->Seal());
  CHECK(log.wal->figures().unsealed_records == 0);
  CHECK(log.wal->figures().seals == 1);
}

TEST_CASE("A20: recorded times never decrease, whatever the clock does, across reopening too") {
  RealDirectory real;
  struct WildClock : Clock {
    Instant Now() const override { return Instant::FromNanoseconds(0); }
    absl::Time WallTime() const override {
      return absl::FromUnixSeconds(1'000'000'000 + 1'000'000 * (++calls % 7 - 3));
    }
    mutable int calls = 0;
  } clock;
  std::int64_t last = 0;
  for (int round = 0; round < 5; ++round) {
    OpenLog log = Value(TryOpen(*real.directory, clock, real.random));
    for (int i = 0; i < 20; ++i) REQUIRE_OK(log.Append("x"));
    std::unique_ptr<WalReader> reader = Value(log.wal->Read({1}));
    last = 0;
    while (std::optional<RecordView> record = Value(reader->Next())) {
      CHECK(record->time_ns >= last);
      last = record->time_ns;
    }
  }
  CHECK(last > 0);
}

TEST_CASE("Staged operations are ordered and timed, and become durable with the next sync") {
  RealDirectory real;
  OpenLog log = Value(real.Open());
  LogEntry entry;
  entry.record.component = "c";
  entry.record.payload = "soon";
  const Lsn lsn = Value(log.log->Append(entry));
  REQUIRE_OK(log.log->Stage(lsn));
  CHECK(entry.record.time_ns > 0);
  CHECK(log.wal->durable().value == 0);
  CHECK(Value(log.Append("sync")).value == 2);
  CHECK(Payloads(*log.wal) == std::vector<std::string>{"soon", "sync"});
}

TEST_CASE(
    "A7, P3: groups that changed places, were repeated or are missing are damage with a place") {
  RealDirectory real;
  {
    OpenLog log = Value(real.Open());
    for (int i = 0; i < 8; ++i)
      REQUIRE_OK(log.Append(std::string(100, static_cast<char>('a' + i))));
    REQUIRE_OK(log.wal->Seal());
  }
  const std::string name = "0000000000000001.wal";
  std::unique_ptr<File> file =
      Value(real.directory->Open(name, {.access = Access::kWrite, .create = Create::kNever}));
  std::vector<std::string> blocks(10, std::string(kBlockBytes, '\0'));
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    REQUIRE(Value(file->ReadAt(i * kBlockBytes, blocks[i])) == kBlockBytes);
  }
  const auto change = GENERATE(0, 1, 2);
  if (change == 0) std::swap(blocks[3], blocks[4]);
  if (change == 1) blocks[4] = blocks[3];
  if (change == 2) blocks.erase(blocks.begin() + 4);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    REQUIRE_OK(file->WriteAt(i * kBlockBytes, blocks[i]));
  }
  absl::Status opened = real.Open().status();
  CHECK(opened.code() == absl::StatusCode::kDataLoss);
  const Fault fault = *FaultOf(opened);
  CHECK(fault.place == name);
  CHECK(fault.offset == (change == 0 ? 3 : 4) * kBlockBytes);
  CHECK(fault.lsn == Lsn{change == 0 ? 3u : 4u});
}

TEST_CASE("A19: a segment deleted, cut or replaced under the writer poisons the log and is named") {
  RealDirectory real;
  OpenLog log = Value(real.Open());
  REQUIRE_OK(log.Append("one"));
  const std::string name = "0000000000000001.wal";
  SECTION("deleted") { REQUIRE_OK(real.directory->Remove(name)); }
  SECTION("cut short") {
    REQUIRE_OK(Value(real.directory->Open(name, {.access = Access::kWrite}))->Truncate(0));
  }
  SECTION("replaced by another file") {
    REQUIRE_OK(
        real.directory->Open("other", {.access = Access::kWrite, .create = Create::kExclusive}));
    REQUIRE_OK(real.directory->Rename("other", name));
  }
  absl::Status noticed = log.Append("two").status();
  REQUIRE_FALSE(noticed.ok());
  CHECK(FaultOf(noticed)->place == name);
  absl::Status after = log.Append("three").status();
  CHECK(FaultOf(after)->kind == FaultKind::kPoisoned);
}

TEST_CASE("P8: a reader that lags sees a gap once its part is trimmed, and no producer waits") {
  RealDirectory real;
  // Longer than a reader reads ahead, so that it meets what a recycled file holds now.
  OpenLog log = Value(real.Open({.segment_bytes = 2 << 20, .group_bytes = 256 << 10}));
  const auto append = [&](std::uint64_t until) {
    while (log.log->last().value < until) REQUIRE_OK(log.Append(std::string(100'000, 'x')));
  };
  append(60);
  std::unique_ptr<WalReader> slow = Value(log.wal->Read({1}));
  CHECK(Value(slow->Next())->lsn == Lsn{1});
  REQUIRE_OK(log.wal->Trim({60}));
  CHECK(log.wal->figures().recycled > 0);
  CHECK(log.wal->figures().segments == 1);
  append(200);
  absl::StatusOr<std::optional<RecordView>> record = slow->Next();
  for (std::uint64_t expected = 2; record.ok(); record = slow->Next()) {
    REQUIRE(record->has_value());
    REQUIRE((*record)->lsn == Lsn{expected++});
  }
  INFO(record.status().ToString());
  CHECK(FaultOf(record.status())->kind == FaultKind::kWalGap);
  CHECK(Payloads(*log.wal, {60}).size() == 141);
}

TEST_CASE("a reader at the end of a segment goes on when that is trimmed (K96)") {
  RealDirectory real;
  OpenLog log = Value(real.Open());
  std::unique_ptr<WalReader> reader = Value(log.wal->Read({1}));
  for (std::uint64_t lsn = 1; lsn <= 40; ++lsn) {
    const std::uint64_t rotations = log.wal->figures().rotations;
    REQUIRE(Value(log.Append(std::string(3000, 'x'))).value == lsn);
    // All before this one has been read, and what held it goes.
    if (log.wal->figures().rotations > rotations) REQUIRE_OK(log.wal->Trim({lsn}));
    const std::optional<RecordView> record = Value(reader->Next());
    REQUIRE(record.has_value());
    CHECK(record->lsn == Lsn{lsn});
    CHECK_FALSE(Value(reader->Next()).has_value());
  }
  CHECK(log.wal->figures().rotations > 1);
}

TEST_CASE("P8: a segment that is trimmed while a reader enters it is a gap, not damage") {
  RealDirectory real;
  const LogSegment first{.name = SegmentName(1), .prefix = {.first_lsn = {1}}};
  int asked = 0;
  const auto locate = [&](std::uint64_t) -> absl::StatusOr<SegmentExtent> {
    if (asked++ == 0) return SegmentExtent{.segment = first};
    return MakeFault({.kind = FaultKind::kWalGap}, "trimmed");
  };
  SECTION("its file is gone") {}
  SECTION("its file holds something else") {
    OpenLog other = Value(real.Open());
    REQUIRE_OK(other.Append("x"));
  }
  const absl::Status entered =
      LogReader::Open(*real.directory,
                      {.segment_with = [](Lsn) { return std::uint64_t{1}; }, .locate = locate}, {1})
          .status();
  CHECK(FaultOf(entered)->kind == FaultKind::kWalGap);
}

}  // namespace
}  // namespace dr::test
