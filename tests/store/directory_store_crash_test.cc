// Crashes and failing calls at every place of a directory store's work.
#include <catch2/catch.hpp>
#include <functional>
#include <vector>

#include "tests/store/sim_store.h"

namespace dr {
namespace {

using test::SimStore;
using test::Values;
using test::ValuesOf;

struct Step {
  std::function<absl::Status(DirectoryStore&)> run;
  Values after;  // all that the store holds then
};

// Puts of every condition, deletes, and directories that are made on the way.
std::vector<Step> Workload() {
  const auto put = [](std::string key, std::string value, PutCondition condition) {
    return [=](DirectoryStore& store) -> absl::Status {
      PutOptions options{.condition = condition};
      if (condition == PutCondition::kIfVersion) {
        auto item = store.Get(key, {});
        if (!item.ok()) return item.status();
        options.version = item->version;
      }
      return store.Put(key, value, options, {}).status();
    };
  };
  const auto remove = [](std::string key) {
    return [=](DirectoryStore& store) { return store.Delete(key, {}, {}); };
  };
  const std::string longer(700, 'x');
  return {
      {put("a", "1", PutCondition::kAlways), {{"a", "1"}}},
      {put("d/e/b", longer, PutCondition::kIfAbsent), {{"a", "1"}, {"d/e/b", longer}}},
      {put("a", longer, PutCondition::kAlways), {{"a", longer}, {"d/e/b", longer}}},
      {put("d/e/b", "", PutCondition::kIfVersion), {{"a", longer}, {"d/e/b", ""}}},
      {remove("a"), {{"d/e/b", ""}}},
      {put("a", "2", PutCondition::kIfAbsent), {{"a", "2"}, {"d/e/b", ""}}},
      {remove("d/e/b"), {{"a", "2"}}},
  };
}

// The states that may be found once `done` steps were acknowledged.
void CheckState(const std::vector<Step>& steps, std::size_t done, const Values& found) {
  const Values before = done == 0 ? Values{} : steps[done - 1].after;
  const Values behind = done == steps.size() ? before : steps[done].after;
  CHECK((found == before || found == behind));
}

std::vector<std::string> Temporaries(SimFileSystem& disk, const std::string& path) {
  std::vector<std::string> found;
  auto directory = disk.OpenDirectory(path, Create::kNever);
  REQUIRE(directory.ok());
  auto entries = (*directory)->List();
  REQUIRE(entries.ok());
  for (const DirectoryEntry& entry : *entries) {
    if (entry.type == DirectoryEntry::Type::kDirectory) {
      for (std::string& name : Temporaries(disk, path + "/" + entry.name)) {
        found.push_back(std::move(name));
      }
    } else if (entry.name.starts_with(".tmp")) {
      found.push_back(path + "/" + entry.name);
    }
  }
  return found;
}

void RunWorkload(SimFileSystem& disk, const std::vector<Step>& steps) {
  SimStore store(disk);
  REQUIRE(store.opened.ok());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const absl::Status status = steps[i].run(*store);
    INFO(i << ": " << status.ToString());
    REQUIRE(status.ok());
    disk.Mark(i + 1);
  }
}

void CheckRecovered(SimFileSystem& after, const CrashPoint& point, const std::vector<Step>& steps) {
  INFO(point.Describe());
  Values found;
  {
    SimStore store(after, 2);
    REQUIRE(store.opened.ok());
    found = ValuesOf(*store);
    CheckState(steps, point.marks.empty() ? 0 : point.marks.back(), found);
  }
  CHECK(Temporaries(after, "/store").empty());
  // What was read once stays, whatever comes.
  const std::unique_ptr<SimFileSystem> again = after.AfterPowerCut();
  SimStore store(*again, 3);
  REQUIRE(store.opened.ok());
  CHECK(ValuesOf(*store) == found);
}

TEST_CASE("B1: A power cut anywhere leaves each value old or new, and whole") {
  const std::vector<Step> steps = Workload();
  SimFileSystem disk;
  RunWorkload(disk, steps);
  const NameOrder order = GENERATE(NameOrder::kAnySubset, NameOrder::kInOrder);
  const CrashCount count = VisitCrashStates(
      disk, {.names = order, .items_max = 6, .samples = 64},
      [&](SimFileSystem& after, const CrashPoint& point) { CheckRecovered(after, point, steps); });
  CHECK(count.states > 200);
}

TEST_CASE(
    "B1: A power cut leaves the values of a batch old or new, and new once it was acknowledged") {
  const std::string large(5000, 'L');  // longer than a page
  const std::vector<KeyValue> batch = {{"a", "1"}, {"d/b", large}, {"d/c", ""}, {"e", "4"}};
  SimFileSystem disk;
  {
    SimStore store(disk);
    REQUIRE(store->Put("a", "old", {}, {}).ok());
    disk.Mark(1);
    REQUIRE(store->PutMany(batch, {}).ok());
    disk.Mark(2);
  }
  const CrashCount count = VisitCrashStates(
      disk, {.items_max = 6, .samples = 64}, [&](SimFileSystem& after, const CrashPoint& point) {
        const std::uint64_t mark = point.marks.empty() ? 0 : point.marks.back();
        INFO(point.Describe());
        SimStore store(after);
        REQUIRE(store.opened.ok());
        for (const KeyValue& item : batch) {
          const absl::StatusOr<Item> found = store->Get(item.key, {});
          const bool is_new = found.ok() && found->value == item.value;
          const bool is_old = item.key == "a" ? found.ok() && found->value == "old"
                                              : absl::IsNotFound(found.status());
          CHECK(
              (is_new || (mark < 2 && is_old) || (mark == 0 && absl::IsNotFound(found.status()))));
        }
      });
  CHECK(count.states > 50);
}

TEST_CASE("B1: A power cut leaves none of many that were deleted, once that was acknowledged") {
  const std::vector<KeyValue> batch = {{"a", "1"}, {"d/b", "2"}, {"d/c", ""}, {"e", "4"}};
  const std::vector<std::string> keys = {"d/c", "a", "d/b"};
  SimFileSystem disk;
  {
    SimStore store(disk);
    REQUIRE(store->PutMany(batch, {}).ok());
    disk.Mark(1);
    REQUIRE(store->DeleteMany(keys, {}).ok());
    disk.Mark(2);
  }
  const CrashCount count = VisitCrashStates(
      disk, {.items_max = 6, .samples = 64}, [&](SimFileSystem& after, const CrashPoint& point) {
        const std::uint64_t mark = point.marks.empty() ? 0 : point.marks.back();
        if (mark == 0) return;
        INFO(point.Describe());
        SimStore store(after);
        REQUIRE(store.opened.ok());
        for (const KeyValue& item : batch) {
          const absl::StatusOr<Item> found = store->Get(item.key, {});
          const bool is_old = found.ok() && found->value == item.value;
          const bool is_gone = absl::IsNotFound(found.status());
          CHECK((item.key == "e" ? is_old : is_gone || (mark < 2 && is_old)));
        }
      });
  CHECK(count.states > 50);
}

TEST_CASE("B1: A kill anywhere leaves each value old or new, and what is read then survives") {
  const std::vector<Step> steps = Workload();
  SimFileSystem disk;
  RunWorkload(disk, steps);
  const CrashCount count = VisitKillStates(
      disk, {},
      [&](SimFileSystem& after, const CrashPoint& point) { CheckRecovered(after, point, steps); });
  CHECK(count.states > 50);
}

TEST_CASE("A call that fails leaves the value old, or says that the outcome is unknown") {
  const std::vector<Step> steps = Workload();
  const int error = GENERATE(EIO, ENOSPC);
  const Lasting lasting = GENERATE(Lasting::kOnce, Lasting::kForGood);
  std::uint64_t unknown = 0, failed = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    SimFileSystem disk;
    SimStore store(disk);
    REQUIRE(store.opened.ok());
    disk.Inject({.error = error, .nth = nth, .lasting = lasting});
    for (std::size_t i = 0; i < steps.size(); ++i) {
      INFO("call " << nth << ", step " << i);
      absl::Status status = steps[i].run(*store);
      if (status.ok()) continue;
      ++failed;
      disk.ClearFaults();
      const Values before = i == 0 ? Values{} : steps[i - 1].after;
      if (absl::IsUnknown(status)) {
        ++unknown;
        CheckState(steps, i, ValuesOf(*store));
      } else {
        CHECK(absl::IsResourceExhausted(status) == (error == ENOSPC));
        CHECK(ValuesOf(*store) == before);
      }
      // The same call again, or the finding that it was done; what then is acknowledged stays.
      status = steps[i].run(*store);
      if (!absl::IsAlreadyExists(status)) CHECK(status.ok());
      const std::unique_ptr<SimFileSystem> cut = disk.AfterPowerCut();
      SimStore next(*cut, 2);
      REQUIRE(next.opened.ok());
      CHECK(ValuesOf(*next) == steps[i].after);
      break;
    }
    if (disk.failures() == 0) break;
  }
  CHECK(failed > 10);
  CHECK((unknown > 0) == (error == EIO));
}

}  // namespace
}  // namespace dr
