#include "src/log/recovery.h"

#include <catch2/catch.hpp>
#include <functional>

#include "dr/status.h"
#include "src/log/segment_files.h"

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
         b.known_durable = {5};
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
    absl::Status decided = DecideTail(tail, {.known_durable = {row.known}});
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
