// What a record adds to the history of its log.

#include "src/format/history.h"

#include <catch2/catch.hpp>
#include <vector>

#include "tests/format/segments.h"

namespace dr {
namespace {

const RecordView kRecord{.lsn = {7},
                         .kind = OperationKind::kTask,
                         .component = "inventory",
                         .schema_name = "items",
                         .schema_version = 3,
                         .subject = "bob",
                         .time_ns = 1'700'000'000'000'000'000,
                         .payload = "nut=5"};

Digest Of(const RecordView& record) { return HistoryOf(record, DigestOf(record.payload)); }

template <typename Change>
RecordView Changed(Change change) {
  RecordView record = kRecord;
  change(record);
  return record;
}

TEST_CASE("The history of a record is the digest that FORMAT.md describes") {
  std::string head;
  const auto little = [&](std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) head += static_cast<char>(value >> (8 * i));
  };
  const auto name = [&](std::string_view text) {
    little(text.size(), 1);
    head += text;
  };
  const Digest payload = DigestOf("nut=5");
  little(payload.high, 8);
  little(payload.low, 8);
  little(7, 8);
  little(1'700'000'000'000'000'000, 8);
  little(0x61, 1);  // a task with schema name and subject
  little(3, 4);
  name("inventory");
  name("items");
  name("bob");
  CHECK(Of(kRecord) == DigestOf(head));
}

TEST_CASE("Every part of a record is in its history") {
  const std::vector<RecordView> changed = {
      Changed([](RecordView& r) { r.lsn = {8}; }),
      Changed([](RecordView& r) { r.kind = OperationKind::kYield; }),
      Changed([](RecordView& r) { r.batch_continues = true; }),
      Changed([](RecordView& r) { r.component = "inventorx"; }),
      Changed([](RecordView& r) { r.schema_name = "inventory"; }),
      Changed([](RecordView& r) { r.schema_version = 4; }),
      Changed([](RecordView& r) { r.subject = "bo"; }),
      Changed([](RecordView& r) { r.subject = ""; }), Changed([](RecordView& r) { ++r.time_ns; }),
      Changed([](RecordView& r) { r.payload = "nut=6"; }),
      // The border between two names counts.
      Changed([](RecordView& r) { r.component = "inventoryi", r.schema_name = "tems"; })};
  for (std::size_t i = 0; i < changed.size(); ++i) {
    INFO(i);
    CHECK_FALSE(Of(changed[i]) == Of(kRecord));
    for (std::size_t j = 0; j < i; ++j) CHECK_FALSE(Of(changed[i]) == Of(changed[j]));
  }
}

TEST_CASE("A schema that has its component's name is the same whether it is written out or not") {
  const RecordView plain = Changed([](RecordView& r) { r.schema_name = ""; });
  const RecordView written = Changed([](RecordView& r) { r.schema_name = "inventory"; });
  CHECK(Of(plain) == Of(written));
}

TEST_CASE("A history does not show how its records lie in groups and segments") {
  const std::string large(3000, 'x');
  std::vector<RecordView> records(20, kRecord);
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].lsn = {1 + i};
    if (i % 3 == 0) records[i].payload = large;
  }
  Digest whole;
  for (const RecordView& record : records) whole += Of(record);
  for (std::size_t room : {2 * kGroupHeaderBytes, std::size_t{1000}, std::size_t{1} << 20}) {
    INFO(room);
    test::GroupWriter writer({.first_lsn = {1}}, room);
    for (const RecordView& record : records) writer.Add(record);
    const std::string bytes = writer.Finish();
    SegmentReader reader = SegmentReader::Open(bytes, "segment").value();
    Digest read;
    while (const std::optional<RecordView> record = reader.Next().value()) read += Of(*record);
    CHECK(read == whole);
  }
}

TEST_CASE("What was added to a history can be taken out again, in any order") {
  Digest history = Of(kRecord);
  const Digest before = history;
  const RecordView next = Changed([](RecordView& r) { r.lsn = {8}; });
  const RecordView last = Changed([](RecordView& r) { r.lsn = {9}; });
  history += Of(last);
  history += Of(next);
  history -= Of(last);
  history -= Of(next);
  CHECK(history == before);
}

}  // namespace
}  // namespace dr
