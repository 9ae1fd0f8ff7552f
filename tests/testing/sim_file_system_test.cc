// Faults, limits and looks into a simulated disk. Crashes are in sim_crash_test.cc.

#include "dr/testing/sim_file_system.h"

#include <cerrno>
#include <string>

#include "catch2/catch.hpp"
#include "dr/status.h"
#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_random.h"
#include "tests/testing/sim_disk_probe.h"

namespace {

using dr::Lasting;
using dr::SimCall;
using dr::SimFileSystem;
using dr::test::AlignedBytes;
using dr::test::Background;
using dr::test::ContentOf;
using dr::test::kSector;
using dr::test::OpenFile;
using dr::test::PutDurably;
using dr::test::Root;

// One of each call that can fail, in a fixed order; stops at the first error.
absl::Status UseEverything(SimFileSystem& disk) {
  auto directory = disk.OpenDirectory("/d", dr::Create::kIfMissing);
  if (!directory.ok()) return directory.status();
  dr::Directory& d = **directory;
  auto file = d.Open("f", {.access = dr::Access::kWrite, .create = dr::Create::kIfMissing});
  if (!file.ok()) return file.status();
  char byte = 0;
  auto first_error = absl::OkStatus();
  auto keep = [&](const absl::Status& s) { return first_error.Update(s), s.ok(); };
  (void)(keep((*file)->Lock()) && keep((*file)->WriteAt(0, "content")) && keep((*file)->Sync()) &&
         keep((*file)->Truncate(100)) && keep((*file)->ReadAt(0, {&byte, 1}).status()) &&
         keep((*file)->Info().status()) && keep(d.Link("f", "g")) && keep(d.Rename("g", "h")) &&
         keep(d.Remove("h")) && keep(d.OpenDirectory("e", dr::Create::kExclusive).status()) &&
         keep(d.RemoveDirectory("e")) && keep(d.List().status()) && keep(d.Volume().status()) &&
         keep(d.Sync()));
  return first_error;
}

TEST_CASE("Every call can be made to fail, one after the other, until a run has none") {
  std::uint64_t n = 1;
  for (;; ++n) {
    SimFileSystem disk;
    disk.Inject({.error = EIO, .nth = n});
    const absl::Status status = UseEverything(disk);
    CHECK(status.ok() == (disk.failures() == 0));
    CHECK(disk.open_handles() == 0);
    if (disk.failures() == 0) break;
    CHECK(dr::FaultOf(status)->kind == dr::FaultKind::kIo);
    CHECK(disk.failures() == 1);
    CHECK(OpenFile(disk, "f")->Sync().ok());  // that was all
  }
  SimFileSystem disk;
  REQUIRE(UseEverything(disk).ok());
  CHECK(n == disk.calls() + 1);
}

TEST_CASE("A fault for good goes on until it is cleared") {
  SimFileSystem disk;
  auto file = OpenFile(disk, "f");
  disk.Inject({.error = EIO, .nth = 2, .lasting = Lasting::kForGood});
  CHECK(file->WriteAt(0, "a").ok());
  CHECK_FALSE(file->WriteAt(0, "b").ok());
  CHECK_FALSE(file->Sync().ok());
  CHECK(disk.failures() == 2);
  disk.ClearFaults();
  CHECK(file->Sync().ok());
}

TEST_CASE("A fault can be about one kind of call") {
  SimFileSystem disk;
  auto file = OpenFile(disk, "f");
  disk.Inject({.error = EIO, .nth = 2, .only = SimCall::kSync});
  CHECK(file->Sync().ok());
  CHECK(file->WriteAt(0, "a").ok());
  CHECK_FALSE(file->Sync().ok());
  CHECK(file->Sync().ok());
}

TEST_CASE("A11: a full disk fails what takes space and nothing else") {
  for (int error : {ENOSPC, EDQUOT, EFBIG}) {
    SimFileSystem disk;
    PutDurably(disk, "f", "content");
    auto file = OpenFile(disk, "f");
    disk.Inject({.error = error, .lasting = Lasting::kForGood});
    CHECK(absl::IsResourceExhausted(file->WriteAt(0, "x")));
    CHECK(absl::IsResourceExhausted(
        Root(disk)->Open("g", {.create = dr::Create::kIfMissing}).status()));
    CHECK(absl::IsResourceExhausted(Root(disk)->Rename("f", "g")));
    CHECK(
        absl::IsResourceExhausted(Root(disk)->OpenDirectory("d", dr::Create::kIfMissing).status()));
    char byte = 0;
    CHECK(file->ReadAt(0, {&byte, 1}).ok());
    CHECK(file->Truncate(0).ok());
    CHECK(file->Sync().ok());
    CHECK(Root(disk)->Remove("f").ok());
  }
}

TEST_CASE("A13: a write that fails has written its first half, in whole sectors if it is direct") {
  SimFileSystem disk;
  auto file = OpenFile(disk, "f");
  disk.Inject({.error = EIO, .only = SimCall::kWrite});
  CHECK_FALSE(file->WriteAt(0, "abcdef").ok());
  CHECK(ContentOf(disk, "f") == "abc");
  PutDurably(disk, "g", "");
  auto direct = OpenFile(disk, "g", dr::WritePath::kDirect);
  const AlignedBytes data(4096 * 3, 'x');
  disk.Inject({.error = EIO, .only = SimCall::kWrite});
  const auto fault = dr::FaultOf(direct->WriteAt(4096, data.view()));
  REQUIRE(fault.has_value());
  CHECK(fault->offset == 4096 + 4096 * 3 / 2);
  CHECK(ContentOf(disk, "g").size() == 4096 + 4096 * 3 / 2);
  CHECK(ContentOf(*disk.AfterPowerCut(), "g").empty());
}

TEST_CASE(
    "A11: capacity is taken by files and inodes and comes back by removal, or by more of it") {
  SimFileSystem disk({.capacity_bytes = 10 * kSector});
  CHECK(disk.used_bytes() == kSector);  // the root
  auto file = OpenFile(disk, "f");
  REQUIRE(file->WriteAt(0, std::string(5 * kSector, 'x')).ok());
  CHECK(disk.used_bytes() == 7 * kSector);
  CHECK(Root(disk)->Volume()->free_bytes == 3 * kSector);
  const absl::Status full = file->WriteAt(5 * kSector, std::string(4 * kSector, 'y'));
  CHECK(absl::IsResourceExhausted(full));
  CHECK(dr::FaultOf(full)->offset == 8 * kSector);
  CHECK(ContentOf(disk, "f").size() == 8 * kSector);              // what fitted was written
  REQUIRE(file->WriteAt(0, std::string(8 * kSector, 'z')).ok());  // overwriting takes nothing
  CHECK_FALSE(Root(disk)->Open("g", {.create = dr::Create::kIfMissing}).ok());
  CHECK(absl::IsResourceExhausted(file->Truncate(9 * kSector)));
  disk.SetCapacity(11 * kSector);
  CHECK(file->Truncate(9 * kSector).ok());
  REQUIRE(Root(disk)->Remove("f").ok());
  CHECK(disk.used_bytes() == 11 * kSector);  // still open
  file.reset();
  CHECK(disk.used_bytes() == kSector);
  OpenFile(disk, "a");
  OpenFile(disk, "b");
  REQUIRE(Root(disk)->Rename("a", "b").ok());
  CHECK(disk.used_bytes() == 2 * kSector);
  CHECK(disk.Copy()->used_bytes() == 2 * kSector);
}

TEST_CASE("A14: reading a bad place fails there and nowhere else") {
  SimFileSystem disk;
  PutDurably(disk, "f", std::string(100, 'x'));
  disk.FailReads("/f", 50, 10);
  auto file = OpenFile(disk, "f");
  std::string out(50, '?');
  CHECK(file->ReadAt(0, out).value() == 50);
  CHECK(file->ReadAt(60, out).value() == 40);
  for (std::uint64_t offset : {1, 40, 50, 59}) {
    const auto fault = dr::FaultOf(file->ReadAt(offset, out).status());
    REQUIRE(fault.has_value());
    CHECK(fault->kind == dr::FaultKind::kIo);
  }
  CHECK(disk.failures() == 4);
  CHECK(file->WriteAt(50, "y").ok());
  disk.ClearFaults();
  CHECK(file->ReadAt(50, out).value() == 50);
}

TEST_CASE("Direct writes can be missing, and nothing is made where they are asked for") {
  SimFileSystem disk({.direct = false});
  const auto status = Root(disk)
                          ->Open("f", {.access = dr::Access::kWrite,
                                       .create = dr::Create::kIfMissing,
                                       .path = dr::WritePath::kDirect})
                          .status();
  CHECK(absl::IsUnimplemented(status));
  CHECK(ContentOf(disk, "f") == "(missing)");
}

TEST_CASE("A24: the volume is what the test says") {
  SimFileSystem disk({.volume = {.type = "nfs", .survives_power_loss = true, .is_network = true}});
  CHECK(Root(disk)->Volume()->type == "nfs");
  CHECK(Root(disk)->Volume()->is_network);
}

TEST_CASE("Rot changes the disk itself, and a copy is a disk of its own") {
  SimFileSystem disk;
  PutDurably(disk, "f", "abc");
  auto copy = disk.Copy();
  REQUIRE(disk.Overwrite("f", 1, "X").ok());
  CHECK(ContentOf(disk, "f") == "aXc");
  CHECK(ContentOf(*disk.AfterPowerCut(), "f") == "aXc");
  CHECK(ContentOf(*copy, "f") == "abc");
  CHECK(copy->events() == 0);
  CHECK(ContentOf(*copy->AfterPowerCut(), "f") == "abc");
  CHECK(absl::IsNotFound(disk.Overwrite("g", 0, "x")));
  CHECK(absl::IsNotFound(disk.Read("g").status()));
}

TEST_CASE("A disk of the past can be had at any event") {
  SimFileSystem disk;
  PutDurably(disk, "f", "a");
  const std::size_t then = disk.events();
  REQUIRE(OpenFile(disk, "f")->WriteAt(0, "b").ok());
  CHECK(ContentOf(*disk.AfterKill(then), "f") == "a");
  CHECK(ContentOf(*disk.AfterKill(), "f") == "b");
  CHECK(ContentOf(*disk.AfterPowerCut(0), "f") == "(missing)");
  CHECK(disk.AfterKill(then)->events() == then);
}

TEST_CASE("A10: a sync hangs for as long as the test wants") {
  SimFileSystem disk;
  auto file = OpenFile(disk, "f");
  disk.Hold(SimCall::kSync);
  Background syncing([&] { return file->Sync(); });
  disk.AwaitHeld(SimCall::kSync, 1);
  CHECK(file->WriteAt(0, "x").ok());  // other calls go on
  CHECK(Root(disk)->Sync().ok());
  disk.Release(SimCall::kSync);
  syncing.Join();
}

TEST_CASE("O6: what is open is counted") {
  SimFileSystem disk;
  CHECK(disk.open_handles() == 0);
  {
    auto root = Root(disk);
    auto first = OpenFile(disk, "f");
    auto second = OpenFile(disk, "f");
    CHECK(disk.open_handles() == 3);
  }
  CHECK(disk.open_handles() == 0);
}

TEST_CASE("A20: the simulated clock moves when told, its wall clock in both directions") {
  dr::SimClock clock;
  const dr::Instant start = clock.Now();
  const absl::Time wall = clock.WallTime();
  CHECK(clock.Now() == start);
  clock.Advance(std::chrono::seconds(5));
  CHECK(clock.Now() - start == std::chrono::seconds(5));
  CHECK(clock.WallTime() - wall == absl::Seconds(5));
  clock.JumpWall(-absl::Hours(24 * 3650));
  CHECK(clock.WallTime() < wall);
  CHECK(clock.Now() - start == std::chrono::seconds(5));
}

TEST_CASE("G9: simulated randomness repeats by its seed and can fail") {
  dr::SimRandom one(7);
  dr::SimRandom same(7);
  dr::SimRandom other(8);
  std::string a(13, '\0');
  std::string b(13, '\0');
  REQUIRE(one.Fill(a).ok());
  REQUIRE(same.Fill(b).ok());
  CHECK(a == b);
  CHECK(one.Next().value() == same.Next().value());
  CHECK(one.Next().value() != other.Next().value());
  one.Fail();
  CHECK_FALSE(one.Fill(a).ok());
  CHECK_FALSE(one.Next().ok());
}

}  // namespace
