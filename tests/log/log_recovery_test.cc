#include "src/log/log_recovery.h"

#include <catch2/catch.hpp>
#include <functional>
#include <set>

#include "dr/status.h"
#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_file_system.h"
#include "dr/testing/sim_random.h"
#include "src/log/segment_files.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

constexpr LogId kLog = {1, 2};

// A healthy log of three segments: operations 1-10, 11-20, 21-; HEAD names the third.
ObservedDirectory Healthy() {
  ObservedDirectory observed;
  SegmentEnd previous;
  for (std::uint64_t number : {1, 2, 3}) {
    LogSegment segment{.name = SegmentName(number), .prefix = {}, .file_bytes = 65536};
    segment.prefix.log = kLog;
    segment.prefix.number = number;
    segment.prefix.salt = 100 + number;
    segment.prefix.epoch = {number * 100};
    segment.prefix.first_lsn = {(number - 1) * 10 + 1};
    segment.prefix.previous = previous;
    previous = {number, segment.prefix.salt, 40960, 7, {number * 10}};
    observed.segments.push_back({number, segment});
    observed.head = segment.prefix;
  }
  return observed;
}

SegmentPrefix& Prefix(ObservedDirectory& observed, std::size_t index) {
  return observed.segments[index].segment->prefix;
}
absl::Status Unreadable() { return CorruptLog("0000000000000002.wal", 0, {}, "bad prefix"); }

struct Row {
  std::string what;
  std::function<void(ObservedDirectory&, RecoveryBounds&)> change;
  std::optional<FaultKind> fault;
  std::size_t segments = 0;
};

const std::vector<Row>& Rows() {
  using Dir = ObservedDirectory;
  using Bounds = RecoveryBounds;
  static const std::vector<Row> rows = {
      {"a healthy log", [](Dir&, Bounds&) {}, {}, 3},
      {"a healthy log of which only the end is needed",
       [](Dir&, Bounds& b) { b.needed_from = {15}; },
       {},
       2},
      {"nothing at all", [](Dir& d, Bounds&) { d = {}; }, {}, 0},
      {"nothing, though operations were durable",
       [](Dir& d, Bounds& b) {
         d = {};
         b.known = {{.durable = {.lsn = {5}}}};
       },
       FaultKind::kWalGap},
      {"no segment beside HEAD", [](Dir& d, Bounds&) { d.segments.clear(); }, FaultKind::kWalGap},
      {"a first segment whose creation was interrupted before HEAD",
       [](Dir& d, Bounds&) {
         d.segments.resize(1);
         d.head.reset();
       },
       {},
       1},
      {"HEAD is missing beside later segments", [](Dir& d, Bounds&) { d.head.reset(); },
       FaultKind::kWalGap},
      {"HEAD is unreadable", [](Dir& d, Bounds&) { d.head = Unreadable(); },
       FaultKind::kWalCorrupt},
      {"HEAD could not be read", [](Dir& d, Bounds&) { d.head = MakeIoFault("pread", "HEAD", 5); },
       FaultKind::kIo},
      {"HEAD is one behind: its update was interrupted",
       [](Dir& d, Bounds&) { d.head = Prefix(d, 1); },
       {},
       3},
      {"HEAD is two behind: recovery was interrupted too",
       [](Dir& d, Bounds&) { d.head = Prefix(d, 0); },
       {},
       3},
      {"A6: the newest segment is missing", [](Dir& d, Bounds&) { d.segments.pop_back(); },
       FaultKind::kWalGap},
      {"A6: the newest segment was replaced by one with another salt",
       [](Dir& d, Bounds&) { Prefix(d, 2).salt = 9; }, FaultKind::kWalGap},
      {"P4: a prefix is damaged", [](Dir& d, Bounds&) { d.segments[1].segment = Unreadable(); },
       FaultKind::kWalCorrupt},
      {"P4: the newest prefix is damaged",
       [](Dir& d, Bounds&) { d.segments[2].segment = Unreadable(); }, FaultKind::kWalCorrupt},
      {"A14: a prefix could not be read",
       [](Dir& d, Bounds&) { d.segments[2].segment = MakeIoFault("pread", "x", 5); },
       FaultKind::kIo},
      {"A6: a segment under the name of another", [](Dir& d, Bounds&) { Prefix(d, 1).number = 1; },
       FaultKind::kWalGap},
      {"A6: a copy of a segment under the next number",
       [](Dir& d, Bounds&) {
         d.segments.push_back({4, d.segments[2].segment});
       },
       FaultKind::kWalGap},
      {"a segment of another log",
       [](Dir& d, Bounds&) {
         Prefix(d, 1).log = {3, 4};
       },
       FaultKind::kWalGap},
      {"A6: a segment in the middle is missing",
       [](Dir& d, Bounds&) { d.segments.erase(d.segments.begin() + 1); }, FaultKind::kWalGap},
      {"a segment in the middle was replaced by another with its number",
       [](Dir& d, Bounds&) { Prefix(d, 1).salt = 9; }, FaultKind::kWalGap},
      {"a segment was cut shorter than its successor says",
       [](Dir& d, Bounds&) { d.segments[1].segment->file_bytes = 8192; }, FaultKind::kWalGap},
      {"the first segment is missing and needed",
       [](Dir& d, Bounds&) { d.segments.erase(d.segments.begin()); }, FaultKind::kWalGap},
      {"the first segment was trimmed",
       [](Dir& d, Bounds& b) {
         d.segments.erase(d.segments.begin());
         b.needed_from = {11};
       },
       {},
       2},
      {"the first record that is needed begins in the segment before",
       [](Dir& d, Bounds& b) {
         d.segments[2].segment->continues = true;
         b.needed_from = {21};
       },
       {},
       2},
      {"the segment in which the first record that is needed begins is missing",
       [](Dir& d, Bounds& b) {
         d.segments[2].segment->continues = true;
         d.segments.erase(d.segments.begin() + 1);
         b.needed_from = {21};
       },
       FaultKind::kWalGap},
      {"a trim was interrupted and left an older segment behind a hole",
       [](Dir& d, Bounds& b) {
         d.segments.erase(d.segments.begin() + 1);
         b.needed_from = {21};
       },
       {},
       1},
      {"the mark is of another log",
       [](Dir& d, Bounds& b) {
         d.mark = DurableMark{{3, 4}, {{250}, {15}}, {}};
         b = WithMark(b, d);
       },
       {},
       3},
      {"damage in what is not needed any more",
       [](Dir& d, Bounds& b) {
         d.segments[0].segment = Unreadable();
         b.needed_from = {11};
       },
       {},
       2},
  };
  return rows;
}

TEST_CASE("Each row of the decision table over segments has its outcome") {
  for (const Row& row : Rows()) {
    INFO(row.what);
    ObservedDirectory observed = Healthy();
    RecoveryBounds bounds;
    row.change(observed, bounds);
    absl::StatusOr<std::vector<LogSegment>> decided = DecideSegments(observed, bounds);
    INFO(decided.status().ToString());
    CHECK(decided.ok() == !row.fault.has_value());
    if (decided.ok()) {
      CHECK(decided->size() == row.segments);
    } else {
      REQUIRE(FaultOf(decided.status()).has_value());
      CHECK(FaultOf(decided.status())->kind == *row.fault);
      CHECK_FALSE(FaultOf(decided.status())->place.empty());
    }
  }
}

TEST_CASE("A decided segment ends where its successor says") {
  std::vector<LogSegment> segments = *DecideSegments(Healthy(), {});
  CHECK(segments[0].end.last_lsn == Lsn{10});
  CHECK(segments[1].end.offset == 40960);
  CHECK(segments[2].end.offset == 0);
}

TEST_CASE("P14: no two openings take the same epoch, those of copies of one log included (K72)") {
  SimFileSystem disk;
  SimClock clock;
  std::set<std::uint64_t> epochs;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::unique_ptr<SimFileSystem> copy = disk.Copy();
    SimRandom random(seed);
    Epoch before;
    for (int opening = 0; opening < 3; ++opening) {
      auto directory = Value(copy->OpenDirectory("log", Create::kIfMissing));
      const OpenLog log = Value(TryOpen(*directory, clock, random));
      CHECK(log.wal->epoch() > before);
      before = log.wal->epoch();
      CHECK(epochs.insert(before.value).second);
    }
  }
}

TEST_CASE("A segment that does not end as its successor says is damage (K72)") {
  SimFileSystem disk;
  SimClock clock;
  SimRandom random(1);
  auto directory = Value(disk.OpenDirectory("log", Create::kIfMissing));
  {
    OpenLog log = Value(TryOpen(*directory, clock, random));
    while (log.wal->figures().rotations == 0) REQUIRE_OK(log.Append("x"));
  }
  // The second segment as if the first had ended with another group.
  const std::string path = "log/" + std::string(SegmentName(2).view());
  const std::string whole = Value(disk.Read(path));
  SegmentPrefix prefix = Value(DecodePrefix(std::string_view(whole).substr(0, kBlockBytes), path));
  ++prefix.previous.hash;
  const std::string block = EncodePrefix(prefix);
  REQUIRE_OK(disk.Overwrite(path, 0, block));
  REQUIRE_OK(disk.Overwrite("log/HEAD", 0, block));
  // What follows in it is chained to the prefix as it was.
  const std::string zeros(whole.size() - kBlockBytes, '\0');
  REQUIRE_OK(disk.Overwrite(path, kBlockBytes, zeros));
  REQUIRE_OK(directory->Remove(kDurableMarkName));
  OpenLog log = Value(TryOpen(*directory, clock, random));
  auto reader = Value(log.wal->Read({1}));
  absl::Status status;
  while (status.ok()) status = reader->Next().status();
  INFO(status.ToString());
  CHECK(absl::IsDataLoss(status));
  CHECK(FaultOf(status)->place == SegmentName(1).view());
}

/// A directory whose files change when one of them is opened.
class Moving final : public Directory {
 public:
  Moving(Directory& directory, std::function<void(std::string_view)> before)
      : directory_(directory), before_(std::move(before)) {}
  absl::StatusOr<std::unique_ptr<File>> Open(std::string_view name, OpenOptions options) override {
    before_(name);
    return directory_.Open(name, options);
  }
  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(std::string_view name,
                                                           Create create) override {
    return directory_.OpenDirectory(name, create);
  }
  absl::StatusOr<FileInfo> Info(std::string_view name) override { return directory_.Info(name); }
  absl::StatusOr<std::vector<DirectoryEntry>> List() override {
    before_("");
    return directory_.List();
  }
  absl::Status Rename(std::string_view from, std::string_view to) override {
    return directory_.Rename(from, to);
  }
  absl::Status Link(std::string_view from, std::string_view to) override {
    return directory_.Link(from, to);
  }
  absl::Status Remove(std::string_view name) override { return directory_.Remove(name); }
  absl::Status RemoveDirectory(std::string_view name) override {
    return directory_.RemoveDirectory(name);
  }
  absl::Status Sync() override { return directory_.Sync(); }
  absl::StatusOr<VolumeInfo> Volume() override { return directory_.Volume(); }

 private:
  Directory& directory_;
  const std::function<void(std::string_view)> before_;
};

TEST_CASE("A look at a log between any two steps of its writer finds no damage (K75)") {
  for (int nth = 1;; ++nth) {
    SimFileSystem disk;
    SimClock clock;
    SimRandom random(1);
    auto directory = Value(disk.OpenDirectory("log", Create::kIfMissing));
    OpenLog log = Value(TryOpen(*directory, clock, random));
    while (log.wal->figures().rotations < 3) REQUIRE_OK(log.Append("x"));
    int calls = 0;
    Moving moving(*directory, [&](std::string_view) {
      if (++calls != nth) return;
      // Rotates, and has the files of what is trimmed in use again.
      const std::uint64_t before = log.wal->figures().rotations;
      REQUIRE_OK(log.wal->Trim(log.wal->durable()));
      while (log.wal->figures().rotations < before + 3) REQUIRE_OK(log.Append("y"));
      REQUIRE_OK(log.wal->Trim(log.wal->durable()));
    });
    const ObservedDirectory observed = Value(ObserveDirectory(moving));
    INFO("call " << nth);
    for (const ObservedSegment& segment : observed.segments) CHECK(segment.segment.ok());
    REQUIRE(observed.head);
    CHECK(observed.head->ok());
    if (calls < nth) break;
  }
}

TEST_CASE("P5: a cut before a batch that spans segments reaches back over all of them") {
  ObservedDirectory observed = Healthy();
  // Operations 19 to 22 were a batch; recovery found only a part of it and began anew at 19.
  SegmentPrefix fourth = Prefix(observed, 2);
  fourth.number = 4;
  fourth.previous = {3, 103, 4096, 7, {18}};
  fourth.first_lsn = {19};
  observed.segments.push_back(
      {4, LogSegment{.name = SegmentName(4), .prefix = fourth, .file_bytes = 65536}});
  observed.head = fourth;
  std::vector<LogSegment> segments = *DecideSegments(observed, {});
  REQUIRE(segments.size() == 4);
  CHECK(segments[1].end.last_lsn == Lsn{18});
  CHECK(segments[2].end.last_lsn == Lsn{18});
}

TEST_CASE("P4: what is missing is a torn tail unless evidence says that it was durable") {
  struct TailRow {
    std::uint64_t last, evidence, known;
    bool torn;
  };
  for (const TailRow& row :
       {TailRow{10, 10, 0, true}, TailRow{10, 5, 0, true}, TailRow{10, 11, 0, false},
        TailRow{10, 5, 10, true}, TailRow{10, 5, 11, false}, TailRow{0, 0, 0, true},
        TailRow{0, 0, 1, false}}) {
    ObservedTail tail{.segment = "s",
                      .last = {row.last},
                      .evidence = {row.evidence},
                      .stop_offset = 4096,
                      .stop_lsn = {row.last + 1},
                      .reason = "bad hash"};
    absl::Status decided = DecideTail(tail, {.known = {{.durable = {.lsn = {row.known}}}}});
    CHECK(decided.ok() == row.torn);
    if (row.torn) continue;
    CHECK(decided.code() == absl::StatusCode::kDataLoss);
    const Fault fault = *FaultOf(decided);
    CHECK(fault.kind == FaultKind::kWalCorrupt);
    CHECK(fault.place == "s");
    CHECK(fault.offset == 4096u);
    CHECK(fault.lsn == Lsn{row.last + 1});
  }
}

}  // namespace
}  // namespace dr::test
