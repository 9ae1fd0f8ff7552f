// What a host tells its observer, event by event.

#include "dr/observer.h"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_file_system.h"
#include "fmt/format.h"
#include "src/store/key_path.h"
#include "tests/host/counter_component.h"
#include "tests/host/recording.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

HostOptions OnDisk(SimFileSystem& disk, Observer& observer,
                   std::vector<StatefulComponent*> components) {
  HostOptions options;
  options.directory = "/state";
  options.components = std::move(components);
  options.environment = {.files = &disk, .observer = &observer};
  options.log = {.segment_bytes = 64 << 10, .group_bytes = 8 << 10, .ring_capacity = 8};
  options.checkpoint.on_shutdown = false;
  return options;
}

TEST_CASE("kRecovered tells the last operation and how long it took") {
  SimFileSystem disk;
  Recording observer;
  SimClock clock;
  for (std::uint64_t life = 0; life < 2; ++life) {
    Counters counters;
    counters.before_applying = [&] { clock.Advance(std::chrono::seconds(3)); };
    HostOptions options = OnDisk(disk, observer, {&counters});
    options.environment.clock = &clock;
    auto host = Value(Host::Open(std::move(options), {}));
    const Event told = observer.Of(EventKind::kRecovered).at(life);
    CHECK(told.lsn.value == life);
    CHECK(told.duration == std::chrono::seconds(3 * life));
    CHECK(told.duration == host->figures().recovery_time);
    REQUIRE_OK(counters.Add("a"));
  }
}

TEST_CASE("kBuffered is told where there are no direct writes, and there alone") {
  const bool direct = GENERATE(false, true);
  SimFileSystem disk({.direct = direct});
  Recording observer;
  Counters counters;
  auto host = Value(Host::Open(OnDisk(disk, observer, {&counters}), {}));
  CHECK(observer.Of(EventKind::kBuffered).size() == (direct ? 0 : 1));
}

TEST_CASE("kTornTailCut names the last operation that was kept") {
  SimFileSystem disk;
  Recording observer;
  {
    Counters counters;
    auto host = Value(Host::Open(OnDisk(disk, observer, {&counters}), {}));
    REQUIRE_OK(counters.Add("a"));
    REQUIRE_OK(host->Step());  // prepares space, so that the next write is the operation's
    disk.Inject({.only = SimCall::kWrite});  // half of it arrives
    CHECK_FALSE(counters.Add(std::string(6000, 'b')).ok());
    disk.ClearFaults();
  }
  const auto after = disk.AfterKill();
  Counters counters;
  auto host = Value(Host::Open(OnDisk(*after, observer, {&counters}), {}));
  CHECK(counters.Total() == 1);
  REQUIRE(observer.Of(EventKind::kTornTailCut).size() == 1);
  CHECK(observer.Of(EventKind::kTornTailCut)[0].lsn.value == 1);
}

TEST_CASE("kLogPoisoned is told once, with what the disk said") {
  SimFileSystem disk;
  Recording observer;
  Counters counters;
  auto host = Value(Host::Open(OnDisk(disk, observer, {&counters}), {}));
  REQUIRE_OK(counters.Add("a"));
  disk.Inject({.lasting = Lasting::kForGood, .only = SimCall::kWrite});
  CHECK_FALSE(counters.Add("b").ok());
  CHECK_FALSE(counters.Add("c").ok());
  REQUIRE(observer.Of(EventKind::kLogPoisoned).size() == 1);
  CHECK_FALSE(observer.Of(EventKind::kLogPoisoned)[0].status.ok());
}

TEST_CASE("kNoSpace and kSpaceBack are told as space goes and comes") {
  SimFileSystem disk;
  Recording observer;
  Counters counters;
  auto host = Value(Host::Open(OnDisk(disk, observer, {&counters}), {}));
  disk.SetCapacity(disk.used_bytes());
  int taken = 0;
  while (counters.Add("a").ok()) REQUIRE(++taken < 1000);
  CHECK(observer.Of(EventKind::kNoSpace).size() == 1);
  CHECK(observer.Of(EventKind::kSpaceBack).empty());
  disk.SetCapacity(disk.used_bytes() + (4 << 20));
  REQUIRE_OK(counters.Add("a"));
  CHECK(observer.Of(EventKind::kSpaceBack).size() == 1);
}

TEST_CASE("kComponentFailed and kCheckpointFailed name the component and the reason") {
  SimFileSystem disk;
  Recording observer;
  Counters fails("fails"), other("other");
  auto host = Value(Host::Open(OnDisk(disk, observer, {&fails, &other}), {}));
  REQUIRE_OK(fails.Add("a"));
  fails.before_applying = [] { throw std::runtime_error("lost my head"); };
  CHECK_FALSE(fails.Add("a").ok());
  REQUIRE(observer.Of(EventKind::kComponentFailed).size() == 1);
  const Event failed = observer.Of(EventKind::kComponentFailed)[0];
  CHECK(failed.component == "fails");
  CHECK(failed.lsn.value == 1);
  CHECK(failed.text.find("lost my head") != std::string::npos);
  CHECK_FALSE(host->Checkpoint().ok());
  REQUIRE(observer.Of(EventKind::kCheckpointFailed).size() == 1);
  CHECK(FaultOf(observer.Of(EventKind::kCheckpointFailed)[0].status)->place == "fails");
}

/// Changes the last byte of a manifest.
void DamageEntry(SimFileSystem& disk, std::uint64_t sequence) {
  std::string path = "/state/g-000001/store";
  for (const std::string& name : PathOfKey(fmt::format("entry/{:020}", sequence))) {
    path += "/" + name;
  }
  const std::string content = Value(disk.Read(path));
  REQUIRE_OK(disk.Overwrite(path, content.size() - 1,
                            std::string(1, static_cast<char>(content.back() ^ 1))));
}

TEST_CASE("B3: kCheckpointSkipped is told of those that had to be passed over, and of no other") {
  SimFileSystem disk;
  Recording observer;
  {
    Counters counters;
    auto host = Value(Host::Open(OnDisk(disk, observer, {&counters}), {}));
    for (int i = 0; i < 2; ++i) {
      REQUIRE_OK(counters.Add("a"));
      REQUIRE_OK(host->Checkpoint());
    }
  }
  const std::uint64_t damaged = GENERATE(1u, 2u);
  DamageEntry(disk, damaged);
  Counters counters;
  auto host = Value(Host::Open(OnDisk(disk, observer, {&counters}), {}));
  CHECK(counters.Count("a") == 2);
  const std::vector<Event> skipped = observer.Of(EventKind::kCheckpointSkipped);
  REQUIRE(skipped.size() == (damaged == 2 ? 1 : 0));
  if (damaged == 2) CHECK(skipped[0].status.code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("B3: with every checkpoint damaged and the log trimmed, Open refuses and says so") {
  SimFileSystem disk;
  Recording observer;
  {
    Counters counters;
    HostOptions options = OnDisk(disk, observer, {&counters});
    options.checkpoint.keep = 1;
    auto host = Value(Host::Open(std::move(options), {}));
    for (int i = 0; i < 100; ++i) REQUIRE_OK(counters.Add("a"));
    REQUIRE_OK(host->Checkpoint());
    CHECK(host->figures().wal.recycled > 0);
  }
  DamageEntry(disk, 1);
  Counters counters;
  CHECK(Host::Open(OnDisk(disk, observer, {&counters}), {}).status().code() ==
        absl::StatusCode::kDataLoss);
  CHECK(counters.Total() == 0);
  CHECK(observer.Of(EventKind::kCheckpointSkipped).size() == 1);
}

TEST_CASE("P6: a log at rest is sealed by one Step, and by the threads of Start") {
  const bool threads = GENERATE(false, true);
  SimFileSystem disk;
  Recording observer;
  Counters counters;
  auto host = Value(Host::Open(OnDisk(disk, observer, {&counters}), {}));
  REQUIRE_OK(counters.Add("a"));
  CHECK(host->figures().wal.unsealed_records == 1);
  REQUIRE_OK(threads ? host->Start() : host->Step());
  while (threads && host->figures().wal.unsealed_records > 0) std::this_thread::yield();
  CHECK(host->figures().wal.unsealed_records == 0);
}

}  // namespace
}  // namespace dr::test
