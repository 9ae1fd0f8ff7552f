// Crashes and failing calls at every place of writing, publishing and pruning checkpoints.
#include <catch2/catch.hpp>

#include "dr/testing/sim_crash.h"
#include "tests/repository/checkpoints.h"
#include "tests/store/sim_store.h"

namespace dr {
namespace {

using test::Bench;
using test::ManifestOf;
using test::ReadSnapshot;
using test::Records;
using test::SimStore;
using test::WriteSnapshot;

constexpr RepositoryOptions kSmall = {.object_bytes = 4096};
constexpr int kCheckpoints = 4;
constexpr std::uint32_t kKeep = 2;

Records RecordsOf(std::uint64_t checkpoint) {
  return {fmt::format("state {}", checkpoint),
          std::string(3000, static_cast<char>('a' + checkpoint)),
          std::string(3000, static_cast<char>('A' + checkpoint))};
}

// One changing component in two objects, one carried forward by reference, pruned behind.
absl::Status TakeCheckpoint(Repository& repository, std::uint64_t number) {
  auto entries = repository.Entries({});
  if (!entries.ok()) return entries.status();
  absl::StatusOr<ComponentSnapshot> carried =
      entries->empty() || !entries->front().manifest.ok()
          ? WriteSnapshot(repository, "carried", {"never changes"}, {number})
          : entries->front().manifest->components.front();
  if (!carried.ok()) return carried.status();
  carried->as_of = {number};
  auto changing = WriteSnapshot(repository, "changing", RecordsOf(number), {number});
  if (!changing.ok()) return changing.status();
  auto published = repository.Publish(ManifestOf({*carried, *changing}, {number}), {});
  return published.ok() ? repository.Prune(kKeep, {1}, {}) : published.status();
}

// Everything that is offered is complete; returns the newest checkpoint's number, 0 for none.
std::uint64_t CheckComplete(Repository& repository) {
  auto entries = repository.Entries({});
  REQUIRE(entries.ok());
  for (const RepositoryEntry& entry : *entries) {
    INFO("entry " << entry.sequence << ": " << entry.manifest.status().ToString());
    REQUIRE(entry.manifest.ok());
    REQUIRE(entry.manifest->components.size() == 2);
    auto carried = ReadSnapshot(repository, entry.manifest->components[0]);
    auto changing = ReadSnapshot(repository, entry.manifest->components[1]);
    INFO(carried.status().ToString() << " " << changing.status().ToString());
    REQUIRE((carried.ok() && changing.ok()));
    CHECK(*carried == Records{"never changes"});
    CHECK(*changing == RecordsOf(entry.manifest->as_of.value));
  }
  return entries->empty() ? 0 : entries->front().manifest->as_of.value;
}

// After any crash: old or new, complete; the work goes on; nothing is left over.
void CheckRecovered(SimFileSystem& after, std::uint64_t acknowledged) {
  SimStore store(after, 2);
  REQUIRE(store.opened.ok());
  Bench bench(*store, kSmall);
  REQUIRE(bench.opened.ok());
  const std::uint64_t newest = CheckComplete(*bench);
  CHECK(newest >= acknowledged);
  CHECK(newest <= acknowledged + 1);
  REQUIRE(TakeCheckpoint(*bench, newest + 1).ok());
  CHECK(CheckComplete(*bench) == newest + 1);
  const std::size_t entries = std::min<std::size_t>(newest + 1, kKeep);
  CHECK(test::Keys(*store, "entry/").size() == entries);
  CHECK(test::Keys(*store, "data/").size() == 2 * entries + 1);
}

void RunWorkload(SimFileSystem& disk) {
  SimStore store(disk);
  REQUIRE(store.opened.ok());
  Bench bench(*store, kSmall);
  REQUIRE(bench.opened.ok());
  for (std::uint64_t i = 1; i <= kCheckpoints; ++i) {
    REQUIRE(TakeCheckpoint(*bench, i).ok());
    disk.Mark(i);
  }
}

TEST_CASE("B1: A power cut anywhere in a checkpoint leaves the old one or the new one, complete") {
  SimFileSystem disk;
  RunWorkload(disk);
  const CrashCount count =
      VisitCrashStates(disk, {.items_max = 8}, [](SimFileSystem& after, const CrashPoint& point) {
        INFO(point.Describe());
        CheckRecovered(after, point.marks.empty() ? 0 : point.marks.back());
      });
  CHECK(count.states > 500);
}

TEST_CASE("B1: A kill anywhere in a checkpoint leaves the old one or the new one, complete") {
  SimFileSystem disk;
  RunWorkload(disk);
  const CrashCount count =
      VisitKillStates(disk, {}, [](SimFileSystem& after, const CrashPoint& point) {
        INFO(point.Describe());
        CheckRecovered(after, point.marks.empty() ? 0 : point.marks.back());
      });
  CHECK(count.states > 100);
}

TEST_CASE("C2: A call that fails loses no checkpoint, and the next one succeeds when it can") {
  const int error = GENERATE(EIO, ENOSPC);
  const Lasting lasting = GENERATE(Lasting::kOnce, Lasting::kForGood);
  std::uint64_t failed = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    INFO("call " << nth);
    SimFileSystem disk;
    SimStore store(disk);
    Bench bench(*store, kSmall);
    REQUIRE(TakeCheckpoint(*bench, 1).ok());
    disk.Inject({.error = error, .nth = nth, .lasting = lasting});
    std::uint64_t done = 1;
    for (std::uint64_t i = 2; i <= 3; ++i) {
      const absl::Status status = TakeCheckpoint(*bench, i);
      UNSCOPED_INFO(i << ": " << status.ToString());
      if (status.ok()) {
        done = i;
      } else {
        ++failed;
      }
    }
    const std::uint64_t failures = disk.failures();
    disk.ClearFaults();
    const std::uint64_t newest = CheckComplete(*bench);
    CHECK(newest >= done);
    const absl::Status last = TakeCheckpoint(*bench, 9);
    INFO(last.ToString());
    REQUIRE(last.ok());
    CHECK(CheckComplete(*bench) == 9);
    const std::unique_ptr<SimFileSystem> cut = disk.AfterPowerCut();
    SimStore again(*cut, 2);
    REQUIRE(again.opened.ok());
    Bench next(*again, kSmall);
    REQUIRE(next.opened.ok());
    CHECK(CheckComplete(*next) == 9);
    if (failures == 0) break;
  }
  CHECK(failed > 10);
}

TEST_CASE("C2: A full disk leaves the checkpoints as they are, and space makes the next succeed") {
  SimFileSystem disk;
  SimStore store(disk);
  Bench bench(*store, kSmall);
  REQUIRE(TakeCheckpoint(*bench, 1).ok());
  REQUIRE(TakeCheckpoint(*bench, 2).ok());
  disk.SetCapacity(disk.used_bytes() + 4096);
  for (int i = 0; i < 3; ++i) CHECK(absl::IsResourceExhausted(TakeCheckpoint(*bench, 3)));
  CHECK(CheckComplete(*bench) == 2);
  disk.SetCapacity(1 << 20);
  REQUIRE(TakeCheckpoint(*bench, 3).ok());
  CHECK(CheckComplete(*bench) == 3);
  CHECK(test::Keys(*store, "data/").size() == 5);
}

}  // namespace
}  // namespace dr
