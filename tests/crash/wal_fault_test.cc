// The n-th call fails, for n = 1, 2, 3 … until a run has none.

#include <array>
#include <catch2/catch.hpp>
#include <iostream>
#include <thread>

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
    "A8, A11-A14, O6: whichever call fails, the error is typed and nothing acknowledged is lost") {
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
  for (auto [direct, error] : {std::pair(true, EIO), {false, EIO}, {false, ENOSPC}}) {
    SimFileSystem disk({.direct = direct});
    SimLog log(disk);
    REQUIRE_OK(log.Open({}));
    REQUIRE_OK(log.Append(100));
    disk.Inject({.error = error, .only = direct ? SimCall::kWrite : SimCall::kSync});
    absl::Status first = log.Append(100);
    // It may be on the disk: nothing may say that it can be tried again (K76).
    CHECK(absl::IsUnknown(first));
    CHECK(IsFault(first, FaultKind::kAmbiguous));
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

TEST_CASE("A11: a rotation whose sync finds no room stalls and goes on, and a failed one poisons") {
  struct Place {
    SimCall sync;
    std::uint64_t nth;
  };
  // Of the segment's new name, of the new HEAD's content, and of its name.
  const Place places[] = {{SimCall::kSyncNames, 1}, {SimCall::kSync, 1}, {SimCall::kSyncNames, 2}};
  for (int error : {ENOSPC, EIO}) {
    for (const auto& [sync, nth] : places) {
      SimFileSystem disk;
      SimLog log(disk);
      REQUIRE_OK(log.Open({}));
      for (absl::StatusOr<bool> more = true; Value(more);) more = log.wal().Prepare();
      disk.Inject({.error = error, .nth = nth, .lasting = Lasting::kOnce, .only = sync});
      std::uint64_t acknowledged = 0;
      absl::Status told;
      while (log.wal().figures().rotations < 2 && acknowledged < 100) {
        if (told = log.Append(5000); !told.ok()) break;
        ++acknowledged;
      }
      if (error == ENOSPC) {
        CHECK(told == absl::OkStatus());  // whoever waited has tried again by itself
        CHECK(log.wal().figures().rotations == 2);
      } else {
        CHECK(IsFault(told, FaultKind::kAmbiguous));
        CHECK(IsFault(log.Append(100), FaultKind::kPoisoned));
      }
      log.Close();
      const std::unique_ptr<SimFileSystem> cut = disk.AfterPowerCut();
      SimLog recovered(*cut, 7);
      REQUIRE_OK(recovered.Open({}));
      CHECK(Judge(recovered, {acknowledged}, {1}) == "");
    }
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

TEST_CASE("A11, P1: a disk that is full to within some blocks never stops the log for good") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SimRandom random(seed);
    SimFileSystem disk({.direct = seed % 2 == 0});
    SimLog log(disk);
    REQUIRE_OK(log.Open({}));
    for (int round = 0; round < 20; ++round) {
      disk.SetCapacity(disk.used_bytes() + Value(random.Next()) % (160 << 10));
      absl::Status full;
      while (full.ok()) full = log.Append(1 + Value(random.Next()) % 6000);
      INFO(fmt::format("seed {}, round {}: {}", seed, round, full.ToString()));
      REQUIRE(FaultOf(full)->kind == FaultKind::kNoSpace);
      REQUIRE_OK(log.Trim(log.log().last()));
    }
  }
}

TEST_CASE("Commits do not wait for a trim") {
  SimFileSystem disk;
  SimLog log(disk);
  REQUIRE_OK(log.Open({}));
  for (int i = 0; i < 20; ++i) REQUIRE_OK(log.Append(6000));
  // An append that had to make room would be held too.
  for (absl::StatusOr<bool> more = true; more.ok() && *more;) more = log.wal().Prepare();
  disk.Hold(SimCall::kSyncNames);
  absl::Status trimmed = absl::UnknownError("");
  std::thread trimming([&] { trimmed = log.Trim(log.log().last()); });
  disk.AwaitHeld(SimCall::kSyncNames, 1);
  REQUIRE_OK(log.Append(100));
  CHECK(FaultOf(log.wal().Read({1}).status())->kind == FaultKind::kWalGap);
  disk.Release(SimCall::kSyncNames);
  trimming.join();
  REQUIRE_OK(trimmed);
  CHECK(log.wal().figures().segments == 1);
  REQUIRE_OK(log.Append(100));
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

TEST_CASE("A10: a wait for a sync that hangs ends with its context, and the operation stays") {
  constexpr SimCall held = SimCall::kSync;
  SimFileSystem disk({.direct = false});
  SimLog log(disk);
  REQUIRE_OK(log.Open({}));
  REQUIRE_OK(log.Append(100));
  for (absl::StatusOr<bool> more = true; more.ok() && *more;) more = log.wal().Prepare();
  std::array<std::string, 2> payloads = {SimLog::PayloadOf(2, 100), SimLog::PayloadOf(3, 100)};
  std::array<LogEntry, 2> entries;
  for (std::size_t i = 0; i < 2; ++i) {
    entries[i].record.component = "c";
    entries[i].record.payload = payloads[i];
  }
  disk.Hold(held);
  REQUIRE_OK(log.log().Append(entries[0]));
  absl::Status leads, waits;
  std::thread leader([&] { leads = log.log().Persist({2}); });
  disk.AwaitHeld(held, 1);
  REQUIRE_OK(log.log().Append(entries[1]));
  absl::Status late = log.log().Persist({3}, {.deadline = Instant::FromNanoseconds(0)});
  std::stop_source stop;
  std::thread waiter([&] { waits = log.log().Persist({3}, {.stop = stop.get_token()}); });
  stop.request_stop();
  waiter.join();
  CHECK(log.wal().durable() == Lsn{1});
  disk.Release(held);
  leader.join();
  CHECK(leads.ok());
  for (const absl::Status& status : {late, waits}) {
    CHECK(status.code() == absl::StatusCode::kUnknown);
    REQUIRE(FaultOf(status).has_value());
    CHECK(FaultOf(status)->kind == FaultKind::kAmbiguous);
    CHECK(FaultOf(status)->lsn == Lsn{3});
  }
  REQUIRE_OK(log.log().Persist({3}));
  log.Close();
  REQUIRE_OK(log.Open({}));
  CHECK(Judge(log, {3}, {1}) == "");
}

TEST_CASE("A live segment is named by its own name in errors, not as the spare that it was") {
  for (bool direct : {true, false}) {
    SimFileSystem disk({.direct = direct});
    SimLog log(disk);
    REQUIRE_OK(log.Open({}));
    for (int i = 0; i < 5; ++i) REQUIRE_OK(log.Append(30'000));
    const std::uint64_t number = 1 + log.wal().figures().rotations;
    REQUIRE(number > 1);
    disk.Inject({.error = EIO, .only = direct ? SimCall::kWrite : SimCall::kSync});
    absl::Status failed = log.Append(100);
    INFO(failed.ToString());
    REQUIRE(FaultOf(failed).has_value());
    CHECK(FaultOf(failed)->place.ends_with(fmt::format("/{:016}.wal", number)));
    CHECK(failed.ToString().find("spare") == std::string::npos);
  }
}

TEST_CASE("A17: a disk that lies about syncs is found out where later evidence exists") {
  const std::string segment = "log/0000000000000001.wal";
  SimFileSystem disk({.direct = GENERATE(true, false)});
  SimLog log(disk);
  REQUIRE_OK(log.Open({}));
  for (int i = 0; i < 2; ++i) REQUIRE_OK(log.Append(100));
  REQUIRE_OK(log.Seal());
  disk.Lie();
  for (int i = 0; i < 3; ++i) REQUIRE_OK(log.Append(100));
  REQUIRE_OK(log.Seal());
  std::unique_ptr<SimFileSystem> after = disk.AfterPowerCut();
  SimLog victim(*after, 3);
  // Nothing is left that knows of the last three: the log ends where the disk was honest.
  SECTION("no evidence") {
    REQUIRE_OK(victim.Open({}));
    CHECK(victim.wal().recovery().last == Lsn{2});
    CHECK(Judge(victim, {2}, {1}) == "");
  }
  SECTION("a checkpoint knows") {
    absl::Status opened = victim.Open({.known_durable = {5}});
    CHECK(FaultOf(opened)->kind == FaultKind::kWalCorrupt);
    CHECK(FaultOf(opened)->lsn == Lsn{3});
  }
  SECTION("the last seal reached the disk") {
    const std::string seal = disk.Read(segment)->substr(7 * kBlockBytes, kBlockBytes);
    REQUIRE_OK(after->Overwrite(segment, 7 * kBlockBytes, seal));
    absl::Status opened = victim.Open({});
    CHECK(FaultOf(opened)->kind == FaultKind::kWalCorrupt);
    CHECK(FaultOf(opened)->lsn == Lsn{3});
  }
  SECTION("HEAD of a later segment reached the disk") {
    while (log.wal().figures().rotations == 0) REQUIRE_OK(log.Append(30'000));
    after = disk.AfterPowerCut();
    REQUIRE_OK(after->Overwrite("log/HEAD", 0, *disk.Read("log/HEAD")));
    SimLog without(*after, 3);
    CHECK(FaultOf(without.Open({}))->kind == FaultKind::kWalGap);
  }
}

TEST_CASE(
    "A4, O5: a bit flipped anywhere in a sealed segment is an error with a place, never silent") {
  SimFileSystem disk;
  SimLog log(disk);
  REQUIRE_OK(log.Open({}));
  while (log.wal().figures().rotations < 2) REQUIRE_OK(log.Append(100 + log.log().last().value));
  const Lsn last = log.log().last();
  REQUIRE_OK(log.Seal());
  log.Close();
  const std::string name = "0000000000000001.wal";
  const std::string whole = *disk.Read("log/" + name);
  // The footer is the last block; each operation before it has a block.
  REQUIRE(whole.size() == 16 * kBlockBytes);
  int at_open = 0;
  for (std::uint64_t at = 0; at < whole.size(); at += 61) {
    std::unique_ptr<SimFileSystem> rotten = disk.Copy();
    const char flipped = static_cast<char>(whole[at] ^ (1 << at % 8));
    REQUIRE_OK(rotten->Overwrite("log/" + name, at, {&flipped, 1}));
    SimLog victim(*rotten, 3);
    absl::Status status = victim.Open({});
    at_open += !status.ok();
    if (status.ok()) {
      absl::StatusOr<std::unique_ptr<WalReader>> reader = victim.wal().Read({1});
      status = reader.status();
      for (std::uint64_t lsn = 1; status.ok(); ++lsn) {
        absl::StatusOr<std::optional<RecordView>> record = (*reader)->Next();
        status = record.status();
        if (!status.ok()) break;
        INFO("byte " << at);
        REQUIRE(record->has_value());  // the end would be silence
        REQUIRE(SimLog::IsPayloadOf(lsn, (*record)->payload));
      }
    }
    INFO("byte " << at << ": " << status.ToString());
    REQUIRE(status.code() == absl::StatusCode::kDataLoss);
    const Fault fault = *FaultOf(status);
    CHECK(fault.place.ends_with(name));
    CHECK(fault.offset == at / kBlockBytes * kBlockBytes);
    if (at >= kBlockBytes) CHECK(fault.lsn == Lsn{at / kBlockBytes});
  }
  CHECK(at_open > 0);
  CHECK(last > Lsn{20});
}

}  // namespace
}  // namespace dr::test
