// Power cuts at every I/O call of a host with components and checkpoints.

#include <atomic>
#include <catch2/catch.hpp>
#include <iostream>
#include <mutex>
#include <thread>

#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_crash.h"
#include "dr/testing/sim_file_system.h"
#include "dr/testing/sim_random.h"
#include "fmt/format.h"
#include "tests/host/counter_component.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

struct World {
  SimClock clock;
  SimRandom random{11};
};

HostOptions Options(SimFileSystem& disk, World& world, std::vector<StatefulComponent*> components) {
  HostOptions options;
  options.directory = "agent";
  options.components = std::move(components);
  options.environment = {.files = &disk, .clock = &world.clock, .random = &world.random};
  options.log = {.segment_bytes = 64 << 10, .group_bytes = 8 << 10, .ring_capacity = 8};
  return options;
}

// Two accounts; every batch moves one from the first to the second.
struct Bank {
  Counters out{"out"}, in{"in"}, idle{"idle"};
  std::vector<StatefulComponent*> all() { return {&out, &in, &idle}; }
  absl::Status Move() {
    const ComponentCommit batch[] = {{&out, "x"}, {&in, "x"}};
    return CommitAll(batch).status();
  }
};

// What is wrong with what `after` holds; empty: nothing. `moved` batches were acknowledged.
std::string Recover(SimFileSystem& after, std::uint64_t moved) {
  World world;
  Bank bank;
  auto host = Host::Open(Options(after, world, bank.all()), {});
  if (!host.ok()) return host.status().ToString();
  const std::uint64_t out = bank.out.Count("x"), in = bank.in.Count("x");
  if (out != in) return fmt::format("half a batch: {} out, {} in", out, in);
  if (out < moved) return fmt::format("{} moves were acknowledged, {} are there", moved, out);
  // Each of these was made once a checkpoint at most.
  if (bank.idle.Count("soon") > moved / 3 + 1 || bank.idle.Count("once") > 1) {
    return fmt::format("{} notes are there, {} were made", bank.idle.Total(), moved / 3 + 2);
  }
  if (out > moved + 1) return fmt::format("{} moves were made, {} are there", moved + 1, out);
  return "";
}

TEST_CASE(
    "B1, B2, B8, P7, P11, P15: no power cut in the life of a host loses, halves or doubles "
    "anything",
    "[long]") {
  for (bool direct : {true, false}) {
    SimFileSystem disk({.direct = direct});
    {
      World world;
      std::uint64_t moved = 0;
      for (int life = 0; life < 3; ++life) {
        Bank bank;
        auto host = Value(Host::Open(Options(disk, world, bank.all()), {}));
        if (life == 0) REQUIRE_OK(bank.idle.Add("once"));
        for (int i = 0; i < 11; ++i) {
          REQUIRE_OK(bank.Move());
          disk.Mark(++moved);
          if (i % 3 != 2) continue;
          // In the state, and nowhere else yet, when the checkpoint is taken.
          REQUIRE_OK(bank.idle.Add("soon", {.durability = Durability::kProcess}));
          REQUIRE_OK(host->Checkpoint());
        }
        if (life == 1) REQUIRE_OK(host->Shutdown());
      }
    }
    std::atomic<std::uint64_t> states = 0, wrong = 0;
    std::mutex mutex;
    std::string first;
    std::vector<std::thread> threads;
    for (unsigned worker = 0; worker < 2; ++worker) {
      threads.emplace_back([&, worker] {
        states +=
            VisitCrashStates(disk, {.items_max = 6, .samples = 24, .shard = worker, .shards = 2},
                             [&](SimFileSystem& after, const CrashPoint& point) {
                               if (wrong > 0) return;  // one is enough to look at
                               std::string found =
                                   Recover(after, point.marks.empty() ? 0 : point.marks.back());
                               if (found.empty() || wrong++ > 0) return;
                               std::lock_guard lock(mutex);
                               first = found + "\n" + point.Describe();
                             })
                .states;
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::cout << fmt::format("host crash ({}): {} states, {} wrong\n",
                             direct ? "direct" : "buffered", states.load(), wrong.load());
    INFO(first);
    CHECK(wrong == 0);
    CHECK(states > 5'000);
  }
}

TEST_CASE("P9: what a failed sync may take back is never in the state") {
  SimFileSystem disk({.direct = false});
  World world;
  Counters counters;
  auto host = Value(Host::Open(Options(disk, world, {&counters}), {}));
  REQUIRE_OK(counters.Add("durable"));
  disk.Inject({.error = EIO, .only = SimCall::kSync});
  CHECK_FALSE(counters.Add("lost").ok());
  CHECK(counters.Count("lost") == 0);
  CHECK(counters.Count("durable") == 1);
  CHECK(counters.Add("later").status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK_FALSE(host->Checkpoint().ok());
}

TEST_CASE(
    "B1: whichever call fails in the life of a host, it opens again with all that was "
    "acknowledged") {
  std::uint64_t runs = 0;
  for (int error : {EIO, ENOSPC}) {
    for (std::uint64_t nth = 1;; ++nth, ++runs) {
      SimFileSystem disk;
      disk.Inject({.error = error, .nth = nth, .lasting = Lasting::kOnce});
      std::uint64_t moved = 0;
      {
        World world;
        Bank bank;
        auto host = Host::Open(Options(disk, world, bank.all()), {});
        if (host.ok()) {
          for (int i = 0; i < 6; ++i) {
            if (bank.Move().ok()) moved = bank.in.Count("x");
            if (i % 2 == 1) static_cast<void>((*host)->Checkpoint());
          }
          static_cast<void>((*host)->Shutdown());
        }
      }
      if (disk.failures() == 0) break;
      INFO(fmt::format("errno {} at call {}", error, nth));
      CHECK(disk.open_handles() == 0);
      disk.ClearFaults();
      std::unique_ptr<SimFileSystem> after = disk.AfterPowerCut();
      World world;
      Bank bank;
      auto host = Host::Open(Options(*after, world, bank.all()), {});
      REQUIRE_OK(host);
      CHECK(bank.in.Count("x") >= moved);
      CHECK(bank.in.Count("x") == bank.out.Count("x"));
    }
  }
  std::cout << fmt::format("host faults: {} runs\n", runs);
  CHECK(runs > 200);
}

}  // namespace
}  // namespace dr::test
