// A11: a disk without a free byte, on which a checkpoint must still be written to give up log.

#include <catch2/catch.hpp>
#include <thread>

#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_file_system.h"
#include "dr/testing/sim_random.h"
#include "fmt/format.h"
#include "tests/host/counter_component.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

constexpr std::uint64_t kNames = 20;
constexpr std::size_t kNameBytes = 1000;

std::string NameOf(std::uint64_t operation) {
  std::string name = fmt::format("{}-", operation % kNames);
  name.resize(kNameBytes, 'n');
  return name;
}

struct Life {
  explicit Life(SimFileSystem& disk, std::uint64_t reserve_bytes) {
    HostOptions options;
    options.directory = "agent";
    options.components = {&counters, &other};
    options.environment = {.files = &disk, .clock = &clock, .random = &random};
    options.log = {.segment_bytes = 64 << 10, .group_bytes = 8 << 10, .ring_capacity = 8};
    options.checkpoint = {.interval = {}, .log_bytes = 0, .reserve_bytes = reserve_bytes};
    host = Value(Host::Open(std::move(options), {}));
  }
  // As many as there is room for; returns why no more.
  absl::Status AddToTheLast(Counters& to, std::uint64_t& acknowledged) {
    for (;; ++acknowledged) {
      if (absl::StatusOr<Lsn> lsn = to.Add(NameOf(acknowledged)); !lsn.ok()) return lsn.status();
    }
  }

  SimClock clock;
  SimRandom random{5};
  Counters counters, other{"other"};
  std::unique_ptr<Host> host;
};

// Two checkpoints, so that more log can be given up behind a third, and then no free byte.
void Fill(SimFileSystem& disk, Life& life, std::uint64_t& acknowledged) {
  for (int checkpoint = 0; checkpoint < 2; ++checkpoint) {
    for (std::uint64_t i = 0; i < kNames; ++i) {
      REQUIRE_OK(life.counters.Add(NameOf(acknowledged++)));
    }
    REQUIRE_OK(life.host->Checkpoint());
  }
  disk.SetCapacity(disk.used_bytes());
}

TEST_CASE(
    "A11: with no free byte a checkpoint is written, and the log goes on in what it gives up") {
  const bool direct = GENERATE(true, false);
  SimFileSystem disk({.direct = direct});
  std::uint64_t acknowledged = 0;
  {
    Life life(disk, 2 << 20);
    Fill(disk, life, acknowledged);
    for (int round = 0; round < 5; ++round) {
      const std::uint64_t before = acknowledged;
      const absl::Status refused = life.AddToTheLast(life.counters, acknowledged);
      REQUIRE(FaultOf(refused)->kind == FaultKind::kNoSpace);
      CHECK(acknowledged > before);
      CHECK(life.host->figures().wal.no_space);
      life.clock.Advance(std::chrono::seconds(1));
      static_cast<void>(life.host->Step());  // no other limit of the policy is set
    }
    CHECK(life.host->figures().checkpoints == 7);
  }
  std::unique_ptr<SimFileSystem> after = disk.AfterPowerCut();
  Life life(*after, 2 << 20);
  CHECK(life.counters.Total() == acknowledged);
}

TEST_CASE("A11: without a reserve a full disk has no room for a checkpoint, and says so") {
  SimFileSystem disk;
  std::uint64_t acknowledged = 0;
  Life life(disk, 0);
  Fill(disk, life, acknowledged);
  static_cast<void>(life.AddToTheLast(life.counters, acknowledged));
  CHECK(FaultOf(life.host->Checkpoint().status())->kind == FaultKind::kNoSpace);
  CHECK(life.host->figures().checkpoint_failures == 1);
  CHECK(life.counters.Total() == acknowledged);
}

TEST_CASE("A11: the log does not take what is put aside for the checkpoint") {
  SimFileSystem disk;
  std::uint64_t acknowledged = 0, beside = 0;
  Life life(disk, 2 << 20);
  Fill(disk, life, acknowledged);
  static_cast<void>(life.AddToTheLast(life.counters, acknowledged));
  life.counters.while_saving = [&] {
    std::thread([&] { static_cast<void>(life.AddToTheLast(life.other, beside)); }).join();
  };
  CHECK(Value(life.host->Checkpoint()).sequence == 3);
  CHECK(life.other.Total() == beside);
}

TEST_CASE("A11: what is put aside follows the state, up to its limit") {
  constexpr std::uint64_t kLimit = 4 << 20;
  SimFileSystem disk;
  Life life(disk, kLimit);
  const auto reserved = [&]() -> std::uint64_t {
    auto directory = Value(disk.OpenDirectory("agent", Create::kNever));
    auto file = directory->Open("RESERVE", {});
    return file.ok() ? Value((*file)->Info()).size : 0;
  };
  CHECK(reserved() == 0);
  REQUIRE_OK(life.counters.Add("small"));
  REQUIRE_OK(life.host->Checkpoint());
  const std::uint64_t small = reserved();
  CHECK(small > 0);
  CHECK(small < kLimit / 2);
  REQUIRE_OK(life.counters.Add(std::string(2 * kLimit, 'n')));
  REQUIRE_OK(life.host->Checkpoint());
  CHECK(reserved() >= kLimit);
  CHECK(reserved() < 2 * kLimit);
}

}  // namespace
}  // namespace dr::test
