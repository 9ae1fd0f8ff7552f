#include "dr/inspect/log_files.h"

#include "tests/inspect/stored_host_fixture.h"

namespace dr::test {
namespace {

LogFiles Inspect(const std::string& path) {
  return Value(InspectLog(Value(StoredHost::Open(path))));
}

TEST_CASE("Segments are listed with groups that follow each other without a gap") {
  const Places places;
  RunHost(places.host, [](Host& host, Counters& counters) {
    AddMany(counters, 40);
    REQUIRE_OK(host.Shutdown());
  });
  const LogFiles files = Inspect(places.host);
  CHECK(files.damage.ok());
  REQUIRE(files.segments.size() > 2);
  CHECK(files.head == files.segments.back().number);
  std::uint64_t next_lsn = 1;
  for (const SegmentFileInfo& segment : files.segments) {
    std::uint64_t offset = kBlockBytes;
    for (const GroupInFile& group : segment.groups) {
      CHECK(group.offset == offset);
      CHECK(group.header.first_lsn.value == next_lsn);
      offset += group.header.stored_bytes;
      next_lsn += group.header.record_count;
    }
    CHECK(segment.stop.offset == offset);
    CHECK(segment.stop.next_lsn.value == next_lsn);
  }
  CHECK(next_lsn == 41);
  CHECK(files.segments.back().stop.reason == "there is no group here");
}

TEST_CASE("The chain stops at a damaged group, and what is behind it is counted") {
  const Places places;
  RunHost(places.host, [](Host&, Counters& counters) { AddMany(counters, 9); });
  const GroupInFile damaged = places.Damage({5});
  const LogFiles files = Inspect(places.host);
  const ChainStop& stop = files.segments.front().stop;
  CHECK(stop.offset == damaged.offset);
  CHECK(stop.next_lsn == Lsn{5});
  CHECK(stop.reason == "the group's hash does not match its bytes");
  CHECK(stop.headers_behind >= 5);
  CHECK(stop.durable_lsn_behind >= Lsn{5});
  CHECK(files.damage.ok());  // for wal verify to judge
}

TEST_CASE("A segment whose prefix is damaged is listed with the reason") {
  const Places places;
  RunHost(places.host, [](Host&, Counters& counters) { AddMany(counters, 20); });
  FlipBit(places.Segments().front(), 20);
  const LogFiles files = Inspect(places.wal);
  CHECK(absl::IsDataLoss(files.damage));
  CHECK(files.segments.front().prefix.status() == files.damage);
  CHECK(files.segments.front().number == 1);
  CHECK(files.segments.back().prefix.ok());
}

}  // namespace
}  // namespace dr::test
