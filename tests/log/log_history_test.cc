// A log knows what it holds up to any operation, and so whether two logs are one.

#include "src/log/log_history.h"

#include <map>

#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_file_system.h"
#include "dr/testing/sim_random.h"
#include "src/format/history.h"
#include "src/log/log_recovery.h"
#include "tests/log/log_fixture.h"

namespace dr {
namespace {

using namespace dr::test;  // NOLINT

constexpr std::uint64_t kSegments = 4;

struct Fixture {
  SimFileSystem disk;
  SimClock clock;
  SimRandom random{1};

  std::unique_ptr<Directory> In(std::string_view name) {
    return Value(disk.OpenDirectory(std::string(name), Create::kIfMissing));
  }
  absl::StatusOr<OpenLog> Open(std::string_view name, const LogOptions& options = {}) {
    directories.push_back(In(name));
    return TryOpen(*directories.back(), clock, random, options);
  }
  /// Nothing says then that the last groups were durable, so that recovery copies them.
  absl::StatusOr<OpenLog> OpenWithoutMark(std::string_view name) {
    static_cast<void>(In(name)->Remove(kDurableMarkName));
    return Open(name);
  }
  void Copy(std::string_view from, std::string_view to) {
    for (const DirectoryEntry& entry : Value(In(from)->List())) CopyFile(entry.name, from, to);
  }
  void CopyFile(std::string_view name, std::string_view from, std::string_view to) {
    const std::string path = std::string(to) + "/" + std::string(name);
    const std::string bytes = Value(disk.Read(std::string(from) + "/" + std::string(name)));
    static_cast<void>(In(to)->Remove(name));
    const auto file =
        Value(In(to)->Open(name, {.access = Access::kWrite, .create = Create::kIfMissing}));
    REQUIRE_OK(file->WriteAt(0, bytes));
    REQUIRE_OK(file->Sync());
    REQUIRE_OK(In(to)->Sync());
  }

  std::vector<std::unique_ptr<Directory>> directories;
};

/// By the definition: one record after the other.
std::map<std::uint64_t, Digest> Histories(Wal& wal) {
  std::map<std::uint64_t, Digest> histories = {{0, Digest{}}};
  std::unique_ptr<WalReader> reader = Value(wal.Read({1}));
  Digest history;
  while (const std::optional<RecordView> record = Value(reader->Next())) {
    history += HistoryOf(*record, DigestOf(record->payload));
    histories[record->lsn.value] = history;
  }
  return histories;
}

void FillSegments(OpenLog& log) {
  for (int i = 0; log.wal->figures().rotations < kSegments; ++i) {
    REQUIRE_OK(log.AppendBatch(i % 3 == 0 ? std::vector<std::string>{"a", std::string(9000, 'b')}
                                          : std::vector<std::string>{std::to_string(i)}));
  }
}

std::vector<LogSegment> SegmentsOf(Directory& directory) {
  return Value(DecideSegments(Value(ObserveDirectory(directory)), {}));
}

TEST_CASE("The history of a log is the sum over its records, at the end of each segment too") {
  Fixture f;
  OpenLog log = Value(f.Open("log"));
  FillSegments(log);
  const std::map<std::uint64_t, Digest> expected = Histories(*log.wal);
  const DurablePoint durable = log.wal->durable_point();
  CHECK(durable.lsn == log.wal->durable());
  CHECK(durable.history == expected.at(durable.lsn.value));
  const std::vector<LogSegment> segments = SegmentsOf(*f.In("log"));
  CHECK(segments.size() == kSegments + 1);
  for (const LogSegment& segment : segments) {
    CHECK(segment.prefix.history == expected.at(segment.prefix.history_lsn.value));
    CHECK(segment.prefix.history_lsn.value ==
          segment.prefix.first_lsn.value - (segment.continues ? 0 : 1));
  }
  const DurableMark mark = *Value(ReadDurableMark(*f.In("log")));
  CHECK(mark.history == expected.at(mark.durable.lsn.value));
}

TEST_CASE("A history can be read at any operation, in any order") {
  Fixture f;
  std::map<std::uint64_t, Digest> expected;
  {
    OpenLog log = Value(f.Open("log"));
    FillSegments(log);
    expected = Histories(*log.wal);
  }
  const auto directory = f.In("log");
  const std::vector<LogSegment> segments = SegmentsOf(*directory);
  const std::uint64_t end = Value(ReadTail(*directory, segments, {})).observed.stop_offset;
  HistoryReader ascending(*directory, segments, end), descending(*directory, segments, end);
  for (const auto& [lsn, history] : expected) {
    INFO(lsn);
    CHECK(Value(ascending.At({lsn})) == history);
  }
  for (auto it = expected.rbegin(); it != expected.rend(); ++it) {
    CHECK(Value(descending.At({it->first})) == it->second);
  }
  CHECK(Value(ascending.At({expected.rbegin()->first + 1})) == std::nullopt);
}

TEST_CASE("A history goes on over openings, also over operations that recovery copies") {
  Fixture f;
  for (int opening = 0; opening < 4; ++opening) {
    INFO(opening);
    OpenLog log = Value(f.OpenWithoutMark("log"));
    CHECK((log.wal->recovery().copied_records > 0) == (opening > 0));
    const DurablePoint recovered = log.wal->durable_point();
    CHECK(recovered.history == Histories(*log.wal).at(recovered.lsn.value));
    for (int i = 0; i < 3; ++i) REQUIRE_OK(log.Append(std::to_string(i)));
  }
}

TEST_CASE("A trimmed log still knows its history, though its first record began in what is gone") {
  Fixture f;
  DurablePoint before;
  {
    OpenLog log = Value(f.Open("log"));
    // Longer than a segment, so that all of them begin inside a record.
    while (log.wal->figures().rotations < kSegments) {
      REQUIRE_OK(log.Append(std::string(100'000, 'x')));
    }
    before = log.wal->durable_point();
    REQUIRE_OK(log.wal->Trim(Next(before.lsn)));
    CHECK(log.wal->figures().segments == 1);
  }
  const OpenLog log = Value(f.Open("log", {.needed_from = Next(before.lsn)}));
  CHECK(log.wal->durable_point().lsn == before.lsn);
  CHECK(log.wal->durable_point().history == before.history);
}

TEST_CASE("P14: a record keeps the epoch it was written in, also where recovery copies it") {
  Fixture f;
  std::vector<Epoch> expected;
  for (int opening = 0; opening < 4; ++opening) {
    OpenLog log = Value(f.OpenWithoutMark("log"));
    CHECK((log.wal->recovery().copied_records > 0) == (opening > 0));
    std::unique_ptr<WalReader> reader = Value(log.wal->Read({1}));
    for (const Epoch epoch : expected) CHECK(Value(reader->Next())->epoch == epoch);
    CHECK_FALSE(Value(reader->Next()).has_value());
    for (int i = 0; i < 3; ++i) {
      REQUIRE_OK(log.Append("x"));
      expected.push_back(log.wal->epoch());
    }
  }
}

TEST_CASE("A segment that was to begin inside a record, and is empty, needs the one before it") {
  Fixture f;
  Lsn cut;
  {
    OpenLog log = Value(f.Open("log"));
    REQUIRE_OK(log.Append("whole"));
    cut = log.wal->durable();
    REQUIRE_OK(log.Append(std::string(60'000, 'x')));  // its rest is in the second segment
    REQUIRE(log.wal->figures().rotations == 1);
  }
  const auto directory = f.In("log");
  const LogSegment second = SegmentsOf(*directory).back();
  REQUIRE(second.prefix.history_lsn == Next(cut));
  const std::string path = "log/" + std::string(second.name.view());
  const std::string zeros(Value(f.disk.Read(path)).size() - kBlockBytes, '\0');
  REQUIRE_OK(f.disk.Overwrite(path, kBlockBytes, zeros));
  REQUIRE_OK(directory->Remove(kDurableMarkName));
  const OpenLog log = Value(f.Open("log", {.needed_from = Next(cut)}));
  CHECK(log.wal->durable() == cut);
  CHECK(log.wal->durable_point().history == Histories(*log.wal).at(cut.value));
}

// Two copies of one directory go on by themselves, with as many operations in as many openings.
struct Branches : Fixture {
  Branches() {
    {
      OpenLog log = Value(Open("a"));
      for (int i = 0; i < 5; ++i) REQUIRE_OK(log.Append("common"));
      common = log.wal->durable_point();
    }
    Copy("a", "b");
    a = GoOn("a");
    b = GoOn("b");
  }
  DurablePoint GoOn(const std::string& name) {
    OpenLog log = Value(Open(name));
    for (int i = 0; i < 5; ++i) REQUIRE_OK(log.Append("only in " + name));
    return log.wal->durable_point();
  }
  absl::Status OpenWith(std::string_view name, const DurablePoint& known, Epoch epoch = {}) {
    const auto directory = In(name);
    const LogId log = SegmentsOf(*directory).back().prefix.log;
    return Wal::Open(*directory, {.clock = &clock,
                                  .random = &random,
                                  .segment_bytes = 64 << 10,
                                  .group_bytes = 8 << 10,
                                  .known_durable = {{.place = "checkpoint 7",
                                                     .log = log,
                                                     .durable = {epoch, known.lsn},
                                                     .history = known.history}}})
        .status();
  }

  DurablePoint common, a, b;
};

TEST_CASE("P14, K72: two branches of one log have the same numbers and different histories") {
  const Branches f;
  CHECK(f.a.lsn == f.b.lsn);
  CHECK_FALSE(f.a.history == f.b.history);
}

TEST_CASE("K72: what a checkpoint of another branch knows is refused, naming both") {
  Branches f;
  CHECK(f.OpenWith("a", f.common).ok());
  CHECK(f.OpenWith("a", f.a).ok());
  const absl::Status refused = f.OpenWith("a", f.b);
  REQUIRE(IsFault(refused, FaultKind::kWalGap));
  CHECK(FaultOf(refused)->place == "checkpoint 7");
  CHECK(FaultOf(refused)->lsn == f.b.lsn);
  CHECK_THAT(std::string(AsStd(refused.message())), Catch::Contains(".wal"));
  CHECK(f.OpenWith("a", {f.b.lsn, {}}).ok());  // not known
}

TEST_CASE(
    "K72: what an opening saw that is none of the log's is refused, its history known or not") {
  Branches f;
  CHECK(f.OpenWith("a", f.common, {1}).ok());  // before all that is there
  const auto epoch_of = [&](std::string_view name) {
    return SegmentsOf(*f.In(name)).back().prefix.epoch;
  };
  CHECK(f.OpenWith("a", {f.common.lsn, {}}, epoch_of("a")).ok());
  const absl::Status refused = f.OpenWith("a", {f.common.lsn, {}}, epoch_of("b"));
  REQUIRE(IsFault(refused, FaultKind::kWalGap));
  CHECK_THAT(std::string(AsStd(refused.message())), Catch::Contains("never opened"));
}

TEST_CASE("K72: the mark of another branch is refused") {
  Branches f;
  f.CopyFile(kDurableMarkName, "b", "a");
  const absl::Status refused = f.Open("a").status();
  REQUIRE(IsFault(refused, FaultKind::kWalGap));
  CHECK(FaultOf(refused)->place == kDurableMarkName);
}

TEST_CASE("K72: a checkpoint of another log is refused") {
  Fixture f;
  OpenLog log = Value(f.Open("log"));
  REQUIRE_OK(log.Append("x"));
  const auto directory = f.In("log");
  const std::vector<LogSegment> segments = SegmentsOf(*directory);
  HistoryReader reader(*directory, segments, 0);
  const DurableEvidence evidence{.place = "checkpoint 7", .log = {3, 4}, .durable = {{1}, {1}}};
  CHECK(IsFault(CheckHistory(reader, evidence, segments), FaultKind::kWalGap));
}

}  // namespace
}  // namespace dr
