#include "dr/inspect/log_check.h"

#include "dr/status.h"
#include "tests/inspect/stored_host_fixture.h"

namespace dr::test {
namespace {

LogCheck Check(const std::string& path) { return Value(VerifyLog(Value(StoredHost::Open(path)))); }

TEST_CASE("A whole log is whole with and without its host's directory") {
  const Places places;
  RunHost(places.host, [](Host& host, Counters& counters) {
    AddMany(counters, 40);
    REQUIRE_OK(host.Shutdown());
  });
  for (const std::string& path : {places.host, places.wal}) {
    const LogCheck check = Check(path);
    CHECK(check.damage.ok());
    CHECK(check.from == Lsn{1});
    CHECK(check.last == Lsn{40});
    CHECK(check.segments == places.Segments().size());
    CHECK(check.durable_recorded == Lsn{40});
  }
}

TEST_CASE("Damage has its segment, offset and Lsn, and what is before it is covered") {
  const Places places;
  RunHost(places.host, [](Host& host, Counters& counters) {
    AddMany(counters, 40);
    REQUIRE_OK(host.Shutdown());
  });
  std::string segment;
  const GroupInFile group = places.Damage({21}, &segment);
  for (const std::string& path : {places.host, places.wal}) {
    const LogCheck check = Check(path);
    const Fault fault = FaultOf(check.damage).value();
    CHECK(fault.kind == FaultKind::kWalCorrupt);
    CHECK(fault.place == segment);
    CHECK(fault.offset == group.offset);
    CHECK(fault.lsn == Lsn{21});
    CHECK(check.from == Lsn{1});
    CHECK(check.last == Lsn{20});
    CHECK(check.checkpoints.empty());
  }
}

TEST_CASE("A missing segment is damage unless a checkpoint makes it unneeded") {
  const Places places;
  RunHost(places.host, [](Host& host, Counters& counters) {
    AddMany(counters, 40);
    REQUIRE_OK(host.Shutdown());
  });
  const std::string lost = places.Segments()[1];
  const std::string aside = places.directory.path() + "/aside";
  std::filesystem::rename(lost, aside);
  CHECK(IsFault(Check(places.host).damage, FaultKind::kWalGap));
  std::filesystem::rename(aside, lost);
  RunHost(places.host, [](Host& host, Counters& counters) {
    REQUIRE_OK(host.Checkpoint());
    AddMany(counters, 3);
    REQUIRE_OK(host.Shutdown());
  });
  std::filesystem::remove(lost);
  const LogCheck check = Check(places.host);
  CHECK(check.damage.ok());
  CHECK(check.from == Lsn{41});
  CHECK(check.last == Lsn{43});
  CHECK(check.durable_known == Lsn{43});
  CHECK(IsFault(Check(places.wal).damage, FaultKind::kWalGap));
}

TEST_CASE("A log without its newest segment's witness is damaged") {
  const Places places;
  RunHost(places.host, [](Host&, Counters& counters) { AddMany(counters, 40); });
  std::filesystem::remove(places.wal + "/HEAD");
  CHECK(IsFault(Check(places.host).damage, FaultKind::kWalGap));
}

TEST_CASE("Of a damaged log the readable checkpoints are named, newest first") {
  const Places places;
  RunHost(places.host, [](Host& host, Counters& counters) {
    for (int i = 0; i < 2; ++i) {
      AddMany(counters, 5);
      REQUIRE_OK(host.Checkpoint());
    }
    AddMany(counters, 5);
    REQUIRE_OK(host.Shutdown());
  });
  static_cast<void>(places.Damage({12}));
  const LogCheck check = Check(places.host);
  CHECK(absl::IsDataLoss(check.damage));
  CHECK(check.last == Lsn{11});
  REQUIRE(check.checkpoints.size() == 2);
  CHECK(check.checkpoints[0].as_of == Lsn{10});
  CHECK(check.checkpoints[1].as_of == Lsn{5});
}

}  // namespace
}  // namespace dr::test
