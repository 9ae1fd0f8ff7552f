// The model at work: a tiny log that is right survives every crash, and each classic mistake made
// in it is found. If this passes, silence about a real log means something.

#include <cstring>
#include <string>
#include <string_view>

#include "catch2/catch.hpp"
#include "dr/testing/sim_crash.h"
#include "dr/testing/sim_file_system.h"
#include "tests/testing/sim_disk_probe.h"

namespace {

using dr::SimFileSystem;
using dr::test::kSector;
using dr::test::Root;

enum class Mistake {
  kNone,
  kAcknowledgesBeforeSync,
  kNeverSyncsTheDirectory,
  kRenamesBeforeSync,
  kNoChecksum,
  kWritesIntoSyncedSectors,
  kSyncsAgainAfterFailure,
};

constexpr std::uint64_t kAppends = 4;

std::uint64_t Checksum(std::string_view bytes) {
  std::uint64_t sum = 1469598103934665603;
  for (unsigned char c : bytes) sum = (sum ^ c) * 1099511628211;
  return sum;
}

// One sector, or a sixth of one: number, checksum, filling.
std::string Record(std::uint64_t number, std::size_t size) {
  std::string record(size, static_cast<char>('a' + number));
  std::memcpy(record.data(), &number, 8);
  std::memset(record.data() + 8, 0, 8);
  const std::uint64_t sum = Checksum(record);
  std::memcpy(record.data() + 8, &sum, 8);
  return record;
}

// The number of a record that is what it was when it was written, or 0.
std::uint64_t NumberOf(std::string record, bool check) {
  std::uint64_t number = 0;
  std::uint64_t sum = 0;
  std::memcpy(&number, record.data(), 8);
  std::memcpy(&sum, record.data() + 8, 8);
  std::memset(record.data() + 8, 0, 8);
  return !check || sum == Checksum(record) ? number : 0;
}

class ToyLog {
 public:
  ToyLog(SimFileSystem& disk, Mistake mistake) : disk_(disk), mistake_(mistake) {}

  // Makes the log, then appends and acknowledges, until something fails.
  void Run() {
    auto root = Root(disk_);
    auto file = root->Open("new", {.access = dr::Access::kWrite, .create = dr::Create::kIfMissing});
    if (!file.ok() || !(*file)->WriteAt(0, Record(1000, kSector)).ok()) return;
    if (mistake_ != Mistake::kRenamesBeforeSync && !(*file)->Sync().ok()) return;
    if (!root->Rename("new", "log").ok()) return;
    if (mistake_ != Mistake::kNeverSyncsTheDirectory && !root->Sync().ok()) return;
    if (mistake_ == Mistake::kRenamesBeforeSync && !(*file)->Sync().ok()) return;
    disk_.Mark(0);  // from here on there is a log
    for (std::uint64_t n = 1; n <= kAppends; ++n) {
      if (!Append(**file, n)) return;
    }
  }

  // How many records there are; -1: no log, -2: nonsense, also a log that is not whole.
  int Recover() const {
    auto content = disk_.Read("log");
    if (!content.ok()) return -1;
    const bool check = mistake_ != Mistake::kNoChecksum;
    if (content->size() < kSector || NumberOf(content->substr(0, kSector), check) != 1000)
      return -2;
    std::uint64_t n = 0;
    for (std::size_t at = kSector; at + size() <= content->size(); at += size()) {
      const std::string record = content->substr(at, size());
      const std::uint64_t number = NumberOf(record, check);
      if (number == 0) break;
      if (number != ++n || record != Record(n, size())) return -2;
    }
    return static_cast<int>(n);
  }

 private:
  std::size_t size() const {
    return mistake_ == Mistake::kWritesIntoSyncedSectors ? kSector / 6 : kSector;
  }

  bool Append(dr::File& file, std::uint64_t n) {
    if (!file.WriteAt(kSector + (n - 1) * size(), Record(n, size())).ok()) return false;
    if (mistake_ == Mistake::kAcknowledgesBeforeSync) disk_.Mark(n);
    bool synced = file.Sync().ok();
    if (!synced && mistake_ == Mistake::kSyncsAgainAfterFailure) synced = file.Sync().ok();
    if (!synced) return false;
    disk_.Mark(n);
    return true;
  }

  SimFileSystem& disk_;
  Mistake mistake_;
};

struct Verdict {
  dr::CrashCount count;
  std::uint64_t wrong = 0;
};

// What was acknowledged must be there; a record more may be; nothing else.
bool IsWrong(int found, std::span<const std::uint64_t> marks) {
  if (found == -2) return true;
  if (marks.empty()) return found > 0;
  return found < static_cast<int>(marks.back()) || found > static_cast<int>(marks.back()) + 1;
}

void Judge(const SimFileSystem& disk, Mistake mistake, dr::NameOrder names, Verdict& verdict) {
  const auto count = VisitCrashStates(disk, {.names = names, .samples = 64},
                                      [&](SimFileSystem& after, const dr::CrashPoint& p) {
                                        if (IsWrong(ToyLog(after, mistake).Recover(), p.marks))
                                          ++verdict.wrong;
                                      });
  verdict.count.points += count.points;
  verdict.count.states += count.states;
}

Verdict RunAndJudge(Mistake mistake) {
  Verdict verdict;
  for (dr::NameOrder names : {dr::NameOrder::kAnySubset, dr::NameOrder::kInOrder}) {
    for (std::uint64_t failing_sync = 0; failing_sync <= kAppends + 1; ++failing_sync) {
      SimFileSystem disk;
      if (failing_sync > 0) disk.Inject({.nth = failing_sync, .only = dr::SimCall::kSync});
      ToyLog(disk, mistake).Run();
      Judge(disk, mistake, names, verdict);
    }
  }
  return verdict;
}

TEST_CASE("A log that makes no mistake loses nothing in any state, and each mistake is found") {
  const Verdict right = RunAndJudge(Mistake::kNone);
  CHECK(right.wrong == 0);
  CHECK(right.count.states > 500);
  for (Mistake mistake : {Mistake::kAcknowledgesBeforeSync, Mistake::kNeverSyncsTheDirectory,
                          Mistake::kRenamesBeforeSync, Mistake::kNoChecksum,
                          Mistake::kWritesIntoSyncedSectors, Mistake::kSyncsAgainAfterFailure}) {
    INFO(static_cast<int>(mistake));
    CHECK(RunAndJudge(mistake).wrong > 0);
  }
}

TEST_CASE("A kill is survived without any sync") {
  SimFileSystem disk;
  ToyLog(disk, Mistake::kAcknowledgesBeforeSync).Run();
  const auto count = VisitKillStates(disk, {}, [](SimFileSystem& after, const dr::CrashPoint& p) {
    const int found = ToyLog(after, Mistake::kNone).Recover();
    CHECK_FALSE(IsWrong(found, p.marks));
  });
  CHECK(count.states > 10);
}

}  // namespace
