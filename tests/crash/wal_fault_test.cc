// The n-th call fails, for n = 1, 2, 3 … until a run has none.

#include <catch2/catch.hpp>
#include <iostream>

#include "tests/crash/wal_workload.h"

namespace dr::test {
namespace {

// Appends, rotates, trims; stops at the first error. Returns what was acknowledged.
Lsn Work(SimFileSystem& disk, absl::Status* first_error) {
  SimLog log(disk);
  Lsn acknowledged;
  *first_error = log.Open({});
  for (int i = 0; i < 30 && first_error->ok(); ++i) {
    *first_error = log.Append(i % 5 == 4 ? 30'000 : 300);
    if (first_error->ok()) acknowledged = log.log().last();
    if (i % 10 == 9 && first_error->ok()) *first_error = log.Seal();
  }
  return acknowledged;
}

TEST_CASE(
    "A8, A11-A14: whichever call fails, the error is typed and nothing acknowledged is lost") {
  std::uint64_t runs = 0;
  for (bool direct : {true, false}) {
    for (int error : {EIO, ENOSPC, EROFS, EMFILE}) {
      for (Lasting lasting : {Lasting::kOnce, Lasting::kForGood}) {
        for (std::uint64_t nth = 1;; ++nth, ++runs) {
          SimFileSystem disk({.direct = direct});
          disk.Inject({.error = error, .nth = nth, .lasting = lasting});
          absl::Status failed;
          const Lsn acknowledged = Work(disk, &failed);
          if (disk.failures() == 0) break;
          INFO(fmt::format("direct={} errno={} nth={} for good={}: {}", direct, error, nth,
                           lasting == Lasting::kForGood, std::string(failed.ToString())));
          if (!failed.ok()) REQUIRE(FaultOf(failed).has_value());
          CHECK(disk.open_handles() == 0);
          disk.ClearFaults();
          for (bool power_cut : {false, true}) {
            std::unique_ptr<SimFileSystem> after =
                power_cut ? disk.AfterPowerCut() : disk.AfterKill();
            SimLog log(*after, 7);
            REQUIRE_OK(log.Open({}));
            CHECK(Judge(log, acknowledged, {1}) == "");
          }
        }
      }
    }
  }
  std::cout << fmt::format("faults: {} runs\n", runs);
  CHECK(runs > 500);
}

TEST_CASE("A8: after a failed sync everything is refused and that file is not synced again") {
  for (auto [direct, error] :
       {std::pair(true, EIO), {false, EIO}, {true, ENOSPC}, {false, ENOSPC}}) {
    SimFileSystem disk({.direct = direct});
    SimLog log(disk);
    REQUIRE_OK(log.Open({}));
    REQUIRE_OK(log.Append(100));
    disk.Inject({.error = error, .only = direct ? SimCall::kWrite : SimCall::kSync});
    absl::Status first = log.Append(100);
    REQUIRE(FaultOf(first).has_value());
    CHECK(FaultOf(first)->kind == FaultKind::kIo);
    const std::uint64_t calls = disk.calls();
    for (int i = 0; i < 3; ++i) {
      CHECK(FaultOf(log.Append(100))->kind == FaultKind::kPoisoned);
    }
    CHECK(FaultOf(log.Seal())->kind == FaultKind::kPoisoned);
    CHECK(disk.calls() == calls);
    log.Close();
    REQUIRE_OK(log.Open({}));
    CHECK(Judge(log, {1}, {1}) == "");
    REQUIRE_OK(log.Append(100));
  }
}

TEST_CASE("A11, P1: without space appends are refused, and go on by themselves when it is back") {
  for (bool direct : {true, false}) {
    SimFileSystem disk({.direct = direct});
    SimLog log(disk);
    REQUIRE_OK(log.Open({}));
    REQUIRE_OK(log.Append(100));
    disk.SetCapacity(disk.used_bytes());
    Lsn acknowledged = log.log().last();
    absl::Status full;
    for (int i = 0; i < 200 && full.ok(); ++i) {
      full = log.Append(5000);
      if (full.ok()) acknowledged = log.log().last();
    }
    CHECK(full.code() == absl::StatusCode::kResourceExhausted);
    CHECK(FaultOf(full)->kind == FaultKind::kNoSpace);
    CHECK(log.log().last() == acknowledged);  // no Lsn was spent
    disk.SetCapacity(disk.used_bytes() + (1 << 20));
    for (int i = 0; i < 50; ++i) REQUIRE_OK(log.Append(1000));
    CHECK(Judge(log, {acknowledged.value + 50}, {1}).starts_with("the reader and recovery"));
    log.Close();
    REQUIRE_OK(log.Open({}));
    CHECK(Judge(log, {acknowledged.value + 50}, {1}) == "");
  }
}

TEST_CASE("A14: a read that fails is an error, never the end of the log") {
  SimFileSystem disk;
  {
    SimLog log(disk);
    REQUIRE_OK(log.Open({}));
    for (int i = 0; i < 10; ++i) REQUIRE_OK(log.Append(100));
  }
  for (std::uint64_t offset = 0; offset < 16 * kBlockBytes; offset += kBlockBytes) {
    std::unique_ptr<SimFileSystem> copy = disk.Copy();
    copy->FailReads("log/0000000000000001.wal", offset, 1);
    SimLog log(*copy, 3);
    absl::Status opened = log.Open({});
    INFO(offset);
    REQUIRE_FALSE(opened.ok());
    CHECK(FaultOf(opened)->kind == FaultKind::kIo);
  }
}

TEST_CASE("A17: a disk that lies about a sync is found out where later evidence exists") {
  SimFileSystem disk({.direct = false});
  SimLog log(disk);
  REQUIRE_OK(log.Open({}));
  REQUIRE_OK(log.Append(100));
  std::unique_ptr<SimFileSystem> before = disk.AfterPowerCut();
  for (int i = 0; i < 3; ++i) REQUIRE_OK(log.Append(100));
  REQUIRE_OK(log.Seal());
  // The second operation's group is lost, those behind it were kept.
  std::string content = *disk.Read("log/0000000000000001.wal");
  std::unique_ptr<SimFileSystem> lied = disk.Copy();
  REQUIRE_OK(
      lied->Overwrite("log/0000000000000001.wal", 2 * kBlockBytes, std::string(kBlockBytes, '\0')));
  SimLog victim(*lied, 3);
  absl::Status opened = victim.Open({});
  CHECK(opened.code() == absl::StatusCode::kDataLoss);
  CHECK(FaultOf(opened)->lsn == Lsn{2});
}

}  // namespace
}  // namespace dr::test
