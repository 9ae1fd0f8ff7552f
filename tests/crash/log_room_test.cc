// A log and the room on its disk: what is refused, what waits, and what goes on by itself.

#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/crash/wal_workload.h"

namespace dr::test {
namespace {

struct KindsOfEvents final : Observer {
  void OnEvent(const Event& event) noexcept override {
    const std::lock_guard lock(mutex);
    kinds.push_back(event.kind);
  }
  std::vector<EventKind> seen() {
    const std::lock_guard lock(mutex);
    return kinds;
  }
  std::mutex mutex;
  std::vector<EventKind> kinds;
};

TEST_CASE("a disk that is full for prepared space too stalls the log and poisons nothing (K30)") {
  const SimCall call = GENERATE(SimCall::kWrite, SimCall::kNames);
  SimFileSystem disk;
  SimLog log(disk);
  REQUIRE_OK(log.Open({}));
  REQUIRE_OK(log.Append(100));
  disk.Inject({.error = ENOSPC, .lasting = Lasting::kForGood, .only = call});
  // Names change in rotations: until one is due, the log goes on.
  absl::Status first = log.Append(100);
  for (int i = 0; first.ok() && i < 100; ++i) first = log.Append(3000);
  INFO(first.ToString());
  CHECK((absl::IsUnknown(first) || absl::IsResourceExhausted(first)));
  for (int i = 0; i < 3; ++i) {
    const absl::Status refused = log.Append(100);
    INFO(refused.ToString());
    CHECK((absl::IsUnknown(refused) || IsFault(refused, FaultKind::kNoSpace)));
  }
  const Lsn submitted = log.log().last();
  disk.ClearFaults();
  REQUIRE_OK(log.wal().status());
  REQUIRE_OK(log.Append(100));
  CHECK(log.log().durable() > submitted);
  REQUIRE_OK(log.Seal());
  const Lsn acknowledged = log.log().durable();
  log.Close();
  REQUIRE_OK(log.Open({}));
  CHECK(Judge(log, acknowledged, {1}) == "");
}

TEST_CASE("room that a trim brings is told and ends the lack of it (K82)") {
  SimFileSystem disk;
  KindsOfEvents events;
  SimLog log(disk);
  REQUIRE_OK(log.Open({}, &events));
  for (int i = 0; i < 40; ++i) REQUIRE_OK(log.Append(6000));
  disk.SetCapacity(disk.used_bytes());
  absl::Status full;
  while (full.ok()) full = log.Append(6000);
  REQUIRE(IsFault(full, FaultKind::kNoSpace));
  CHECK(log.wal().figures().no_space);
  CHECK(events.seen() == std::vector{EventKind::kNoSpace});
  REQUIRE_OK(log.Trim(log.log().last()));
  CHECK_FALSE(log.wal().figures().no_space);
  CHECK(events.seen() == std::vector{EventKind::kNoSpace, EventKind::kSpaceBack});
}

TEST_CASE("a large record waits for a rotation instead of preparing the file that ends (K79 K83)") {
  SimFileSystem disk;
  SimLog log(disk);
  REQUIRE_OK(log.Open({}));
  // The live segment is full but for its footer, one spare is there, and a rotation is due.
  std::thread rotating;
  while (log.wal().figures().segments < 2) REQUIRE_OK(log.Append(2000));
  disk.Hold(SimCall::kSyncNames);
  std::atomic<bool> rotated = false;
  rotating = std::thread([&] {
    for (int i = 0; i < 32 && !rotated; ++i) static_cast<void>(log.Append(2000));
  });
  disk.AwaitHeld(SimCall::kSyncNames, 1);
  absl::Status large = absl::UnknownError("");
  std::thread appending([&] { large = log.Append(150'000); });
  // This thread waits too, until somebody turns the clock: it has come to the same place by then.
  std::thread expiring([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    log.clock().Advance(std::chrono::seconds(2));
  });
  const absl::Status late =
      log.wal().Admit(1 << 20, {.deadline = log.clock().Now() + std::chrono::seconds(1)});
  expiring.join();
  INFO(late.ToString());
  CHECK(absl::IsDeadlineExceeded(late));
  rotated = true;
  disk.Release(SimCall::kSyncNames);
  rotating.join();
  appending.join();
  REQUIRE_OK(large);
  REQUIRE_OK(log.wal().status());
  CHECK(log.wal().figures().rotations > 1);
}

TEST_CASE("a log opens on the disk that it has filled (K98)") {
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    SimRandom random(seed);
    SimFileSystem disk({.direct = seed % 2 == 0});
    // No spare is ever whole, so none is kept from one opening to the next.
    const LogOptions options{.segment_bytes = seed % 3 == 0 ? 1U << 20 : 64U << 10};
    SimLog log(disk);
    REQUIRE_OK(log.Open(options));
    REQUIRE_OK(log.Append(100));
    disk.SetCapacity(disk.used_bytes() + Value(random.Next()) % (400 << 10));
    absl::Status full;
    while (full.ok()) full = log.Append(1 + Value(random.Next()) % 6000);
    INFO(fmt::format("seed {}: {}", seed, full.ToString()));
    REQUIRE(IsFault(full, FaultKind::kNoSpace));
    const Lsn acknowledged = log.log().durable();
    log.Close();
    REQUIRE_OK(log.Open(options));
    REQUIRE(Judge(log, acknowledged, {1}) == "");
  }
}

}  // namespace
}  // namespace dr::test
