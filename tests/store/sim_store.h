// A directory store on simulated files, as the next process opens it.
#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <string>

#include "dr/adapter/directory_store.h"
#include "dr/status.h"
#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_crash.h"
#include "dr/testing/sim_file_system.h"
#include "dr/testing/sim_random.h"
#include "fmt/format.h"

namespace dr::test {

struct SimStore {
  explicit SimStore(SimFileSystem& disk, std::uint64_t seed = 1) : random(seed) {
    opened = [&]() -> absl::StatusOr<std::unique_ptr<DirectoryStore>> {
      auto root = disk.OpenDirectory("/store", Create::kIfMissing);
      if (!root.ok()) return root.status();
      return DirectoryStore::Open(*std::move(root), random, clock);
    }();
  }
  DirectoryStore& operator*() { return **opened; }
  DirectoryStore* operator->() { return opened->get(); }

  SimClock clock;
  SimRandom random;
  absl::StatusOr<std::unique_ptr<DirectoryStore>> opened = absl::InternalError("");
};

using Values = std::map<std::string, std::string>;

/// Everything that a store holds.
inline Values ValuesOf(StateAdapter& store) {
  Values values;
  auto page = store.List("", "", {});
  REQUIRE(page.ok());
  REQUIRE(!page->more);
  for (const ListEntry& entry : page->entries) {
    auto item = store.Get(entry.key, {});
    INFO(item.status().ToString());
    REQUIRE(item.ok());
    REQUIRE(entry.bytes == item->value.size());
    values[entry.key] = item->value;
  }
  return values;
}

}  // namespace dr::test
