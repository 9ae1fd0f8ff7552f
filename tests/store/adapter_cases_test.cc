// The list of cases, on both stores of the core and on two file systems.
#include "dr/testing/adapter_cases.h"

#include <catch2/catch.hpp>

#include "dr/directory_store.h"
#include "dr/memory_store.h"
#include "dr/status.h"
#include "dr/testing/sim_file_system.h"
#include "tests/temp_directory.h"

namespace dr {
namespace {

void RunAll(StateAdapter& store) {
  int ran = 0;
  for (const AdapterCase& check : AdapterCases()) {
    if (!check.applies(store.capabilities())) continue;
    INFO(check.name);
    const absl::Status status = check.run(store, fmt::format("case/{}/", ran++));
    INFO(status.ToString());
    CHECK(status.ok());
  }
  CHECK(ran == static_cast<int>(AdapterCases().size()));
}

TEST_CASE("The memory store passes every case") {
  MemoryStore store(1 << 20);
  RunAll(store);
}

TEST_CASE("The directory store passes every case on the machine's files") {
  testing::TempDirectory temp;
  PosixFileSystem files;
  SystemRandom random;
  SystemClock clock;
  auto root = files.OpenDirectory(temp / "store", Create::kIfMissing);
  REQUIRE(root.ok());
  auto store = DirectoryStore::Open(*std::move(root), random, clock);
  REQUIRE(store.ok());
  RunAll(**store);
}

TEST_CASE("The directory store passes every case on simulated files") {
  SimFileSystem disk;
  SystemRandom random;
  SystemClock clock;
  auto root = disk.OpenDirectory("/store", Create::kIfMissing);
  REQUIRE(root.ok());
  auto store = DirectoryStore::Open(*std::move(root), random, clock);
  REQUIRE(store.ok());
  CHECK((*store)->capabilities().durable);
  RunAll(**store);
}

}  // namespace
}  // namespace dr
