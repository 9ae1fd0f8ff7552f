// Power cuts and kills at every I/O call of workloads on the log.

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <iostream>
#include <mutex>
#include <thread>

#include "tests/crash/wal_workload.h"

namespace dr::test {
namespace {

constexpr std::uint64_t kTrimMark = 1ULL << 63;
constexpr unsigned kWorkers = 2;
constexpr std::size_t kItemsMax = 10;  // all of their subsets are visited

// Says, before it trims, that nothing below is needed any more: what a checkpoint would have.
absl::Status MarkedTrim(SimFileSystem& disk, SimLog& log, Lsn keep_from) {
  disk.Mark(kTrimMark | keep_from.value);
  return log.Trim(keep_from);
}

struct Acknowledged {
  Lsn last = {};
  Lsn needed_from = {1};
};

Acknowledged ReadMarks(std::span<const std::uint64_t> marks) {
  Acknowledged acknowledged;
  for (std::uint64_t mark : marks) {
    if (mark & kTrimMark) {
      acknowledged.needed_from = {mark & ~kTrimMark};
    } else {
      acknowledged.last = {mark};
    }
  }
  return acknowledged;
}

LogOptions After(const LogOptions& options, const Acknowledged& acknowledged) {
  LogOptions bounds = options;
  bounds.needed_from = acknowledged.needed_from;
  bounds.known_durable = {acknowledged.needed_from.value - 1};
  return bounds;
}

// Opens what a crash left; empty: it holds all that was acknowledged, and goes on.
std::string Recover(SimFileSystem& disk, const LogOptions& options,
                    const Acknowledged& acknowledged, bool go_on) {
  SimLog log(disk, 99);
  const LogOptions bounds = After(options, acknowledged);
  if (absl::Status opened = log.Open(bounds); !opened.ok()) return opened.ToString();
  std::string wrong = Judge(log, acknowledged.last, acknowledged.needed_from);
  if (!wrong.empty() || !go_on) return wrong;
  // The log goes on, and what it acknowledges now survives the next opening too.
  for (int i = 0; i < 3; ++i) {
    if (absl::Status s = log.Append(300); !s.ok()) return "append: " + s.ToString();
  }
  const Lsn last = log.log().last();
  log.Close();
  if (absl::Status s = log.Open(bounds); !s.ok()) return "second open: " + s.ToString();
  return Judge(log, last, acknowledged.needed_from);
}

struct Workload {
  std::string name;
  LogOptions options;
  bool direct;
  std::function<absl::Status(SimFileSystem&, SimLog&, const LogOptions&)> run;
  std::size_t samples = 2500;  // where more than kItemsMax sectors are unsynced
};

absl::Status Appends(SimLog& log, const std::vector<std::size_t>& sizes) {
  for (std::size_t size : sizes) {
    if (absl::Status s = log.Append(size); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// Two writers whose groups are written at the same time, again and again.
absl::Status TwoInFlight(SimFileSystem& disk, SimLog& log) {
  constexpr SimCall held = SimCall::kWrite;
  if (absl::Status s = log.Append(100); !s.ok()) return s;
  for (int round = 0; round < 4; ++round) {
    // An append that had to make room would be held too.
    for (absl::StatusOr<bool> more = true; more.ok() && *more;) more = log.wal().Prepare();
    disk.Hold(held);
    std::vector<std::thread> writers;
    std::array<LogEntry, 2> entries;
    std::array<std::string, 2> payloads;
    std::array<absl::Status, 2> results;
    for (std::size_t i = 0; i < 2; ++i) {
      payloads[i] = SimLog::PayloadOf(log.log().last().value + 1, 2000 + 1500 * i);
      entries[i].record.component = "c";
      entries[i].record.payload = payloads[i];
      absl::StatusOr<Lsn> lsn = log.log().Append(entries[i]);
      if (!lsn.ok()) return lsn.status();
      writers.emplace_back([&, i, lsn = *lsn] {
        results[i] = log.log().Persist(lsn);
        // Acknowledgements come in order, so the higher covers the lower.
        if (i == 1 && results[i].ok()) disk.Mark(lsn.value);
      });
      disk.AwaitHeld(held, i + 1);
    }
    disk.Release(held);
    for (std::thread& writer : writers) writer.join();
    for (const absl::Status& result : results) {
      if (!result.ok()) return result;
    }
  }
  return absl::OkStatus();
}

std::vector<Workload> Workloads() {
  const LogOptions small{};
  std::vector<Workload> workloads;
  for (bool direct : {true, false}) {
    const std::string path = direct ? "direct" : "buffered";
    workloads.push_back({path + ": small appends and seals", small, direct,
                         [](SimFileSystem&, SimLog& log, const LogOptions&) {
                           for (int i = 0; i < 12; ++i) {
                             if (absl::Status s = log.Append(100 + 37 * i); !s.ok()) return s;
                             if (i % 4 == 3) {
                               if (absl::Status s = log.Seal(); !s.ok()) return s;
                             }
                           }
                           return absl::OkStatus();
                         }});
    workloads.push_back({path + ": groups of several blocks", small, direct,
                         [](SimFileSystem&, SimLog& log, const LogOptions&) {
                           return Appends(log, {5000, 100, 9000, 4000, 100});
                         }});
    workloads.push_back({path + ": rotation, records over segments", small, direct,
                         [](SimFileSystem&, SimLog& log, const LogOptions&) {
                           return Appends(log, {30'000, 40'000, 100, 70'000, 100, 100});
                         },
                         900});
    workloads.push_back({path + ": recycled segments", small, direct,
                         [](SimFileSystem& disk, SimLog& log, const LogOptions&) {
                           for (int round = 0; round < 4; ++round) {
                             if (absl::Status s = Appends(log, {40'000, 300, 30'000, 200}); !s.ok())
                               return s;
                             absl::Status s = MarkedTrim(disk, log, log.log().last());
                             if (!s.ok()) return s;
                           }
                           return absl::OkStatus();
                         },
                         900});
    workloads.push_back(
        {path + ": batches over groups and segments", small, direct,
         [](SimFileSystem&, SimLog& log, const LogOptions&) {
           for (const auto& batch : std::vector<std::vector<std::size_t>>{
                    {100, 100}, {3000, 3000, 3000}, {30'000, 100, 30'000}, {50, 60, 70, 80}}) {
             if (absl::Status s = log.AppendBatch(batch); !s.ok()) return s;
           }
           return absl::OkStatus();
         },
         900});
    // Where a sync is a call of its own, one runs at a time.
    if (direct) {
      workloads.push_back({path + ": two groups in flight", small, direct,
                           [](SimFileSystem& disk, SimLog& log, const LogOptions&) {
                             return TwoInFlight(disk, log);
                           }});
    }
    workloads.push_back({path + ": opened again and again", small, direct,
                         [](SimFileSystem&, SimLog& log, const LogOptions& options) {
                           for (int i = 0; i < 4; ++i) {
                             if (absl::Status s = Appends(log, {100, 200}); !s.ok()) return s;
                             log.Close();
                             if (absl::Status s = log.Open(options); !s.ok()) return s;
                           }
                           return log.Append(100);
                         }});
  }
  return workloads;
}

struct Tally {
  std::atomic<std::uint64_t> states = 0, lost = 0;
  std::mutex mutex;
  std::string first;

  void Blame(const std::string& wrong, const CrashPoint& point) {
    if (lost.fetch_add(1) != 0) return;
    std::lock_guard lock(mutex);
    first = wrong + "\n" + point.Describe();
  }
};

// All crash states of a disk, shared between threads.
void VisitAll(const SimFileSystem& disk, CrashOptions options, Tally& tally,
              const std::function<std::string(SimFileSystem&, const CrashPoint&)>& check) {
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&, worker] {
      CrashOptions mine = options;
      mine.shard = worker;
      mine.shards = kWorkers;
      CrashCount count =
          VisitCrashStates(disk, mine, [&](SimFileSystem& after, const CrashPoint& point) {
            if (tally.lost > 0) return;  // one is enough to look at
            if (std::string wrong = check(after, point); !wrong.empty()) tally.Blame(wrong, point);
          });
      tally.states += count.states;
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("A3: old groups never come back and P11: batches are whole after every power cut",
          "[long]") {
  for (const Workload& workload : Workloads()) {
    if (workload.name.find("recycled") == std::string::npos &&
        workload.name.find("batches") == std::string::npos) {
      continue;
    }
    SimFileSystem disk({.direct = workload.direct});
    SimLog log(disk);
    REQUIRE_OK(log.Open(workload.options));
    REQUIRE_OK(workload.run(disk, log, workload.options));
    log.Close();
    Tally tally;
    VisitAll(disk, {.items_max = 5, .samples = 16}, tally,
             [&](SimFileSystem& after, const CrashPoint& point) {
               return Recover(after, workload.options, ReadMarks(point.marks), true);
             });
    INFO(tally.first);
    CHECK(tally.lost == 0);
  }
}

TEST_CASE("A1-A3, A15, A16: no power cut in any workload loses what was acknowledged", "[long]") {
  Tally total;
  for (const Workload& workload : Workloads()) {
    SimFileSystem disk({.direct = workload.direct});
    {
      SimLog log(disk);
      REQUIRE_OK(log.Open(workload.options));
      REQUIRE_OK(workload.run(disk, log, workload.options));
    }
    for (NameOrder names : {NameOrder::kAnySubset, NameOrder::kInOrder}) {
      Tally tally;
      VisitAll(disk, {.names = names, .items_max = kItemsMax, .samples = workload.samples}, tally,
               [&](SimFileSystem& after, const CrashPoint& point) {
                 return Recover(after, workload.options, ReadMarks(point.marks),
                                point.state % 16 == 0);
               });
      std::cout << fmt::format("crash: {} ({}): {} states, {} wrong\n", workload.name,
                               names == NameOrder::kInOrder ? "names in order" : "any names",
                               tally.states.load(), tally.lost.load());
      INFO(workload.name);
      INFO(tally.first);
      CHECK(tally.lost == 0);
      total.states += tally.states;
      total.lost += tally.lost;
    }
  }
  std::cout << fmt::format("crash: {} states, {} lost or falsely corrupt\n", total.states.load(),
                           total.lost.load());
  CHECK(total.states >= 1'000'000);
}

TEST_CASE("A1, P5: no kill loses what was acknowledged, and a power cut after it neither") {
  Tally tally;
  for (const Workload& workload : Workloads()) {
    SimFileSystem disk({.direct = workload.direct});
    {
      SimLog log(disk);
      REQUIRE_OK(log.Open(workload.options));
      REQUIRE_OK(workload.run(disk, log, workload.options));
    }
    CrashCount kills =
        VisitKillStates(disk, {}, [&](SimFileSystem& after, const CrashPoint& point) {
          const Acknowledged acknowledged = ReadMarks(point.marks);
          std::string wrong = Recover(after, workload.options, acknowledged, false);
          if (!wrong.empty()) return tally.Blame(wrong, point);
          // What only the page cache held was adopted: it must not be lost to a power cut now.
          if (point.event % 7 != 0) return;
          Acknowledged recovered = acknowledged;
          {
            std::unique_ptr<SimFileSystem> look = after.Copy();
            SimLog log(*look);
            REQUIRE_OK(log.Open(After(workload.options, acknowledged)));
            recovered.last = log.wal().recovery().last;
          }
          std::unique_ptr<SimFileSystem> cut = after.AfterPowerCut();
          wrong = Recover(*cut, workload.options, recovered, false);
          if (!wrong.empty()) tally.Blame("after a power cut: " + wrong, point);
        });
    tally.states += kills.states;
  }
  std::cout << fmt::format("kill: {} states, {} wrong\n", tally.states.load(), tally.lost.load());
  INFO(tally.first);
  CHECK(tally.lost == 0);
}

TEST_CASE("O4: a crash inside recovery changes nothing, at every I/O call of it", "[long]") {
  Tally tally;
  for (const Workload& workload : Workloads()) {
    SimFileSystem disk({.direct = workload.direct});
    {
      SimLog log(disk);
      REQUIRE_OK(log.Open(workload.options));
      REQUIRE_OK(workload.run(disk, log, workload.options));
    }
    std::uint64_t visited = 0;
    VisitCrashStates(
        disk, {.items_max = 3, .samples = 4}, [&](SimFileSystem& after, const CrashPoint& point) {
          if (visited++ % 31 != 0) return;
          const Acknowledged acknowledged = ReadMarks(point.marks);
          Lsn recovered;
          {
            SimLog log(after, 5);
            REQUIRE_OK(log.Open(After(workload.options, acknowledged)));
            recovered = log.wal().recovery().last;
          }
          VisitCrashStates(after, {.items_max = 4, .samples = 12},
                           [&](SimFileSystem& again, const CrashPoint& inner) {
                             ++tally.states;
                             SimLog log(again, 6);
                             absl::Status opened = log.Open(After(workload.options, acknowledged));
                             if (!opened.ok())
                               return tally.Blame(std::string(opened.ToString()), inner);
                             std::string wrong =
                                 Judge(log, acknowledged.last, acknowledged.needed_from);
                             if (wrong.empty() && log.wal().recovery().last > recovered) {
                               wrong = "more was recovered the second time";
                             }
                             if (!wrong.empty()) tally.Blame(wrong, inner);
                           });
        });
  }
  std::cout << fmt::format("recovery in recovery: {} states, {} wrong\n", tally.states.load(),
                           tally.lost.load());
  INFO(tally.first);
  CHECK(tally.lost == 0);
  CHECK(tally.states > 10'000);
}

}  // namespace
}  // namespace dr::test
