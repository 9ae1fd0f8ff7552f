#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "dr/log/segment.h"
#include "dr/status.h"
#include "tests/format/segments.h"

namespace dr::test {
namespace {

namespace frame = format_v1::frame;

const SegmentPrefix kPrefix = {.salt = 1, .epoch = {1}, .first_lsn = {1}};

RecordView EveryField(std::string_view payload = "the payload") {
  return {.kind = OperationKind::kCallResult,
          .batch_continues = true,
          .component = "inventory",
          .schema_name = "inventory.items",
          .schema_version = 300,
          .subject = "customer-17",
          .time_ns = 1'700'000'000'000'000'123,
          .payload = payload};
}

/// The record as its frame holds it.
std::string Encoded(const RecordView& record, std::int64_t base_time_ns) {
  std::string buffer(kMaxGroupBytes, '\0');
  GroupBuilder builder(kPrefix, 0);
  builder.Begin(buffer, {1}, {}, base_time_ns);
  REQUIRE(builder.Add(record));
  return buffer.substr(kGroupHeaderBytes + frame::kHeaderBytes,
                       builder.size() - kGroupHeaderBytes - frame::kHeaderBytes);
}

/// Reads one group whose body is `frames` and which claims `count` records.
absl::Status ReadBody(const std::string& frames, std::uint32_t count = 1, std::uint32_t flags = 0) {
  return ReadAll(SegmentWithBody(frames, count, flags));
}
absl::Status ReadRecord(const std::string& record) { return ReadBody(FrameOf(record)); }

std::string Message(const absl::Status& status) { return std::string(AsStd(status.message())); }

TEST_CASE("A record comes back with every field") {
  std::vector<std::string> lines;
  REQUIRE(ReadAll(SegmentWithBody(FrameOf(Encoded(EveryField(), 0)), 1), &lines).ok());
  RecordView expected = EveryField();
  expected.lsn = {1};
  REQUIRE(lines.size() == 1);
  CHECK(lines[0] == Describe(expected));
}

TEST_CASE("A schema name is stored only where it differs from the component") {
  const std::string same = Encoded({.component = "c", .schema_name = "c"}, 0);
  CHECK(same == Encoded({.component = "c"}, 0));
  CHECK(same.size() == format_v1::record::kMinBytes + 1);
  std::vector<std::string> lines;
  REQUIRE(ReadAll(SegmentWithBody(FrameOf(same), 1), &lines).ok());
  CHECK(lines[0] == Describe({.lsn = {1}, .component = "c", .schema_name = "c"}));
}

TEST_CASE("A21: payloads of 0 and 1 byte and of 64 MiB are kept, one more byte is refused") {
  const std::string large(kMaxPayloadBytes + 1, 'p');
  for (std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, kMaxPayloadBytes}) {
    CAPTURE(size);
    SegmentWriter writer(kPrefix);
    const std::string_view payload = std::string_view(large).substr(0, size);
    REQUIRE(writer.Add({.component = "c", .payload = payload}).ok());
    REQUIRE(writer.Add({.component = "c", .payload = "behind"}).ok());
    std::vector<std::string> lines;
    REQUIRE(ReadAll(std::move(writer).Finish(), &lines).ok());
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] ==
          Describe({.lsn = {1}, .component = "c", .schema_name = "c", .payload = payload}));
  }
  SegmentWriter writer(kPrefix);
  const std::size_t before = writer.size();
  const absl::Status refused = writer.Add({.component = "c", .payload = large});
  CHECK(absl::IsInvalidArgument(refused));
  CHECK(FaultOf(refused)->kind == FaultKind::kLimit);
  CHECK_THAT(Message(refused), Catch::Contains("67108865") && Catch::Contains("67108864"));
  CHECK(writer.size() == before);

  GroupWriter unchecked(kPrefix, kMaxGroupBytes);
  unchecked.Add({.component = "c", .payload = large});
  CHECK(absl::IsDataLoss(ReadAll(unchecked.Finish())));
}

TEST_CASE("F4: a record that goes on and on is refused before it is held") {
  const std::string more(kMaxPayloadBytes + 4096, 'p');
  GroupWriter unchecked(kPrefix, kMaxGroupBytes);
  unchecked.Add({.component = "c", .payload = more});
  const absl::Status status = ReadAll(unchecked.Finish());
  CHECK_THAT(Message(status), Catch::Contains("a record goes on for too long"));
}

TEST_CASE("Names of 128 bytes are kept, one more byte is refused") {
  const std::string name(kMaxNameBytes + 1, 'n');
  const std::string_view longest = std::string_view(name).substr(0, kMaxNameBytes);
  const RecordView good{.component = longest, .schema_name = "s", .subject = longest};
  CHECK(CheckRecord(good).ok());
  CHECK(ReadRecord(Encoded(good, 0)).ok());
  for (const RecordView& bad : {RecordView{.component = name}, RecordView{.schema_name = name},
                                RecordView{.subject = name}}) {
    CHECK(FaultOf(CheckRecord(bad))->kind == FaultKind::kLimit);
    CHECK(absl::IsDataLoss(ReadRecord(Encoded(bad, 0))));
  }
}

TEST_CASE("A record split at any byte, header or payload, is joined") {
  const RecordView record = EveryField();
  const std::size_t length = Encoded(record, record.time_ns).size();
  for (std::size_t first = 1; first < length; ++first) {
    CAPTURE(first);
    GroupWriter log(kPrefix, 4096);
    const std::size_t filler_header = Encoded({.time_ns = record.time_ns}, record.time_ns).size();
    const std::string filler(
        4096 - kGroupHeaderBytes - 2 * frame::kHeaderBytes - filler_header - first, 'f');
    log.Add({.time_ns = record.time_ns, .payload = filler});
    REQUIRE_FALSE(log.AddPart(record));
    REQUIRE(log.builder().in_record());
    log.EndGroup();
    RecordView later = record;  // the base of the group where it began counts
    log.Add(later);
    REQUIRE_FALSE(log.builder().in_record());
    std::vector<std::string> lines;
    REQUIRE(ReadAll(log.Finish(), &lines).ok());
    REQUIRE(lines.size() == 2);
    RecordView expected = record;
    expected.lsn = {2};
    REQUIRE(lines[1] == Describe(expected));
  }
}

TEST_CASE(
    "A record that spans many groups keeps the base time of the first, and spans empty groups") {
  const std::string payload(1000, 'p');
  GroupWriter log(kPrefix, 2 * kGroupHeaderBytes);
  log.Add({.component = "c", .time_ns = 500, .payload = "first"});
  RecordView record{.component = "c", .time_ns = 700, .payload = payload};
  REQUIRE_FALSE(log.AddPart(record));
  log.EndGroup();
  log.EmptyGroup({1});
  log.Add(record);
  std::vector<std::string> lines;
  REQUIRE(ReadAll(log.Finish(), &lines).ok());
  record.lsn = {2};
  record.schema_name = "c";
  REQUIRE(lines.size() == 2);
  CHECK(lines[1] == Describe(record));
}

TEST_CASE("A record goes on in the next segment") {
  const std::string payload(300, 'p');
  GroupWriter log(kPrefix, 2 * kGroupHeaderBytes);
  const RecordView record{.component = "c", .schema_name = "c", .time_ns = 700, .payload = payload};
  REQUIRE_FALSE(log.AddPart(record));
  std::vector<std::string> segments = {log.NextSegment(77)};
  log.Add(record);
  segments.push_back(log.Finish());
  const absl::StatusOr<std::vector<std::string>> lines = ReadLog(segments);
  REQUIRE(lines.ok());
  RecordView expected = record;
  expected.lsn = {1};
  CHECK(std::count(lines->begin(), lines->end(), Describe(expected)) == 1);
  for (const std::string& segment : segments) {
    CHECK(absl::IsDataLoss(ReadAll(segment)));  // neither is whole
  }
}

TEST_CASE(
    "A reader that begins behind the start of a record leaves that record out, and only that") {
  const std::string payload(500, 'p'), behind(500, 'q');
  const SegmentPrefix prefix = kPrefix;
  GroupWriter log(prefix, 2 * kGroupHeaderBytes);
  log.Add({.component = "c", .payload = payload});
  log.Add({.component = "c", .payload = behind});
  const std::string segment = log.Finish();
  RecordReader reader;
  reader.SkipOpenRecord();
  std::vector<std::string> lines;
  for (std::size_t i = 1; i < log.group_offsets.size(); ++i) {  // the first group is gone
    const std::string_view rest = std::string_view(segment).substr(log.group_offsets[i]);
    const GroupHeader header = *DecodeGroupHeader(rest, prefix);
    REQUIRE(reader.Begin(rest.substr(0, header.stored_bytes), header).ok());
    for (;;) {
      const auto record = reader.Next();
      REQUIRE(record.ok());
      if (!*record) break;
      lines.push_back(Describe(**record));
    }
  }
  REQUIRE(lines.size() == 1);
  CHECK(lines[0] ==
        Describe({.lsn = {2}, .component = "c", .schema_name = "c", .payload = behind}));
}

TEST_CASE("Frames that continue nothing, are not continued or split for no reason are refused") {
  const std::string record = Encoded({.component = "c", .payload = "0123456789"}, 0);
  const std::string half = record.substr(0, 6), rest = record.substr(6);
  CHECK(ReadBody(FrameOf(record)).ok());
  CHECK(absl::IsDataLoss(ReadBody(FrameOf(record, frame::kLast))));
  CHECK(absl::IsDataLoss(ReadBody(FrameOf(record, frame::kMiddle), 0)));
  CHECK(absl::IsDataLoss(ReadBody(FrameOf(record, frame::kLast), 1, kGroupContinues)));
  CHECK(absl::IsDataLoss(ReadBody(FrameOf(record), 1, kGroupContinues)));
  CHECK(absl::IsDataLoss(ReadBody("", 0, kGroupContinues)));
  CHECK(absl::IsDataLoss(ReadBody(FrameOf(half, frame::kFirst), 0)));
  CHECK(absl::IsDataLoss(ReadBody(FrameOf(half, frame::kFirst) + FrameOf(rest, frame::kLast))));
  CHECK_THAT(Message(ReadBody(FrameOf(half, frame::kFirst) + FrameOf(record), 0)),
             Catch::Contains("split in the middle"));
}

TEST_CASE("A group that leaves an open record open and begins another is refused") {
  for (const std::size_t length : {5U, 300U}) {
    std::string first(2 * kGroupHeaderBytes, 'x'), second = first;
    GroupBuilder opens(kPrefix, 0), begins(kPrefix, 0);
    opens.Begin(first, {1}, {}, 0);
    begins.Begin(second, {1}, {}, 0);
    REQUIRE_FALSE(opens.Add({.payload = std::string(300, 'p')}));
    REQUIRE(begins.Add({.payload = std::string(length, 'q')}) == (length == 5));
    const std::string_view a = opens.Finish(), b = begins.Finish();
    RecordReader reader;
    REQUIRE(reader.Begin(a, *DecodeGroupHeader(a, kPrefix)).ok());
    REQUIRE_FALSE(reader.Next()->has_value());
    REQUIRE(reader.in_record());
    REQUIRE(reader.Begin(b, *DecodeGroupHeader(b, kPrefix)).ok());
    CAPTURE(length);
    CHECK_THAT(Message(reader.Next().status()), Catch::Contains("not continued"));
  }
}

TEST_CASE("A name that is longer than its record is refused where it is") {
  const auto message = [](std::string_view record) {
    return Message(ReadRecord(std::string(record)));
  };
  CHECK_THAT(message({"\0\5"
                      "cccc",
                      6}),
             Catch::Contains("the component"));
  CHECK_THAT(message({"\x40\1c\1\5s", 6}), Catch::Contains("the schema name"));
  CHECK_THAT(message({"\x20\1c\1\0\5s", 7}), Catch::Contains("the subject"));
}

TEST_CASE("F4: frame lengths that are zero, cut off or beyond the group are refused") {
  const std::string good = FrameOf(Encoded({.component = "c"}, 0));
  for (std::uint32_t word : {0U, 6U, 0x3fffffffU, frame::kFull << 30 | 0x20000000U}) {
    std::string bad = good;
    StoreLittle(bad.data(), word);
    CAPTURE(word);
    CHECK_THAT(
        Message(ReadBody(bad)),
        Catch::Contains(word == 0 ? "a frame is empty" : "a frame is longer than its group"));
  }
  for (std::size_t extra = 1; extra <= 4; ++extra) {
    CHECK(absl::IsDataLoss(ReadBody(good + std::string(extra, '\0'))));
  }
}

TEST_CASE("A group with more or fewer records than it says is refused") {
  const std::string one = FrameOf(Encoded({.component = "c"}, 0));
  CHECK(ReadBody(one + one, 2).ok());
  CHECK(absl::IsDataLoss(ReadBody(one + one, 1)));
  CHECK(absl::IsDataLoss(ReadBody(one + one + one, 2)));
  CHECK(absl::IsDataLoss(ReadBody(one, 0)));
  const std::string longer = FrameOf(Encoded({.payload = "0123456789"}, 0));
  CHECK_THAT(Message(ReadBody(longer + longer, 3)), Catch::Contains("fewer records"));
}

TEST_CASE("F7: a varint that is longer than it must be is refused") {
  const auto bytes = [](std::initializer_list<int> values) {
    std::string result;
    for (int value : values) result += static_cast<char>(value);
    return result;
  };
  CHECK(ReadRecord(bytes({0, 1, 'c', 1, 5})).ok());
  CHECK(absl::IsDataLoss(ReadRecord(bytes({0, 0x81, 0, 'c', 1, 5}))));
  CHECK(absl::IsDataLoss(ReadRecord(bytes({0, 1, 'c', 0x81, 0, 5}))));
  CHECK(absl::IsDataLoss(ReadRecord(bytes({0, 1, 'c', 1, 0x85, 0x80, 0}))));
  CHECK(absl::IsDataLoss(ReadRecord(bytes({0, 0x80, 0, 1, 5}))));
}

TEST_CASE("F7: no second encoding of the same record") {
  const auto with_name = [](int flag, std::string_view name) {
    std::string record = {static_cast<char>(flag), 1, 'c', 1};
    if (flag == format_v1::record::kHasSubject) record += '\0';
    record += static_cast<char>(name.size());
    record += name;
    if (flag == format_v1::record::kHasSchemaName) record += '\0';
    return record;
  };
  using format_v1::record::kHasSchemaName;
  using format_v1::record::kHasSubject;
  CHECK(ReadRecord(with_name(kHasSchemaName, "s")).ok());
  CHECK(absl::IsDataLoss(ReadRecord(with_name(kHasSchemaName, "c"))));  // as the component
  CHECK(absl::IsDataLoss(ReadRecord(with_name(kHasSchemaName, ""))));
  CHECK(ReadRecord(with_name(kHasSubject, "s")).ok());
  CHECK(absl::IsDataLoss(ReadRecord(with_name(kHasSubject, ""))));
}

TEST_CASE("A record that is cut off inside its header is refused at every length") {
  const std::string record = Encoded(EveryField(""), 0);
  CHECK(ReadRecord(record).ok());
  for (std::size_t length = 1; length < record.size(); ++length) {
    CAPTURE(length);
    REQUIRE(absl::IsDataLoss(ReadRecord(record.substr(0, length))));
  }
}

TEST_CASE("Unknown kinds and the reserved bit are refused") {
  for (int first = 0; first < 256; ++first) {
    const std::string record = {static_cast<char>(first), 1, 'c', 1, 1, 1, 1, 1, 1};
    const bool known = (first & 0x0f) <= static_cast<int>(OperationKind::kMarker) && first < 0x80;
    CAPTURE(first);
    CHECK(ReadRecord(record).ok() == known);
  }
}

TEST_CASE("F4: hostile numbers in a record are refused") {
  for (std::uint64_t hostile : {std::uint64_t{129}, std::uint64_t{1} << 31, std::uint64_t{1} << 32,
                                std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    CAPTURE(hostile);
    char varint[kMaxVarintBytes];
    const std::string number(varint, StoreVarint(varint, hostile));
    const std::string name(200, 'n');
    CHECK_THAT(Message(ReadRecord('\0' + number + name)), Catch::Contains("the component"));
    CHECK(absl::IsDataLoss(ReadRecord(std::string("\x40\1c\1", 4) + number + name)));
    CHECK(absl::IsDataLoss(ReadRecord(std::string("\x20\1c\1\0", 5) + number + name)));
    const bool is_version = hostile < std::uint64_t{1} << 32;
    CHECK(ReadRecord(std::string("\0\1c", 3) + number + '\0').ok() == is_version);
    const bool is_time = hostile < std::uint64_t{1} << 63;
    CHECK(ReadRecord(std::string("\0\1c\1", 4) + number).ok() == is_time);
  }
  CHECK(absl::IsDataLoss(ReadRecord(std::string("\0\1c\1", 4) + std::string(9, '\xff') + '\2')));
  CHECK(absl::IsDataLoss(ReadRecord(std::string("\0\1c\1", 4) + std::string(10, '\x80') + '\1')));
}

TEST_CASE("Times from the first to the last nanosecond are kept") {
  constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  SegmentWriter writer(kPrefix);
  for (std::int64_t time : {std::int64_t{0}, kLast, std::int64_t{-1}, kFirst, kLast}) {
    REQUIRE(writer.Add({.component = "c", .time_ns = time}).ok());
  }
  std::vector<std::string> lines;
  REQUIRE(ReadAll(std::move(writer).Finish(), &lines).ok());
  std::uint64_t lsn = 0;
  for (std::int64_t time : {std::int64_t{0}, kLast, std::int64_t{-1}, kFirst, kLast}) {
    CHECK(lines.at(lsn) ==
          Describe({.lsn = {lsn + 1}, .component = "c", .schema_name = "c", .time_ns = time}));
    ++lsn;
  }
}

TEST_CASE("Random records in random groups of random segments come back, every one, in order") {
  const std::uint64_t seed = 20240917;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto below = [&random](std::uint64_t n) { return random() % n; };
  const auto text = [&](std::size_t length) {
    std::string s(length, '\0');
    for (char& c : s) c = static_cast<char>(random());
    return s;
  };
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    const std::uint32_t block = below(2) == 0 ? 1 : kBlockBytes;
    const auto room = [&] {
      return block == 1 ? 2 * kGroupHeaderBytes + below(3000) : (1 + below(4)) * block;
    };
    SegmentPrefix prefix{.block_bytes = block, .salt = random(), .first_lsn = {1 + below(99)}};
    GroupWriter log(prefix, room());
    std::vector<std::string> segments, expected;
    std::int64_t time = static_cast<std::int64_t>(below(1 << 30));
    for (std::uint64_t i = 0; i < 200; ++i) {
      time += static_cast<std::int64_t>(below(3) == 0 ? below(1ULL << 40) : below(100));
      const std::string component = text(below(20)), schema = text(1 + below(20));
      const std::string subject = text(below(3) == 0 ? 1 + below(128) : 0);
      const std::string payload = text(below(20) == 0 ? below(20000) : below(300));
      const RecordView record{
          .lsn = {prefix.first_lsn.value + i},
          .kind = static_cast<OperationKind>(below(6)),
          .batch_continues = below(4) == 0,
          .component = component,
          .schema_name = below(2) == 0 && !component.empty() ? component : schema,
          .schema_version = static_cast<std::uint32_t>(random() >> below(64)),
          .subject = subject,
          .time_ns = time,
          .payload = payload};
      expected.push_back(Describe(record));
      if (below(10) == 0) log.EndGroup();
      log.set_room(room());
      const bool whole = log.AddPart(record);
      if (below(30) == 0) segments.push_back(log.NextSegment(random()));
      if (!whole) {
        log.EndGroup();
        if (below(5) == 0) log.EmptyGroup({});
        log.Add(record);
      }
    }
    segments.push_back(log.Finish());
    const absl::StatusOr<std::vector<std::string>> lines = ReadLog(segments);
    REQUIRE(lines.ok());
    std::vector<std::string> records;
    for (const std::string& line : *lines) {
      if (line.starts_with("record ")) records.push_back(line);
    }
    REQUIRE(records == expected);
  }
}

}  // namespace
}  // namespace dr::test
