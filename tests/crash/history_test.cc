// A directory is copied, both copies go on, and then files of one are laid over the other.

#include <algorithm>
#include <catch2/catch.hpp>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "dr/host.h"
#include "dr/testing/sim_clock.h"
#include "dr/testing/sim_file_system.h"
#include "dr/testing/sim_random.h"
#include "fmt/format.h"
#include "src/log/segment_files.h"
#include "tests/host/counter_component.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

using Files = std::map<std::string, std::string>;  ///< content by path
using Names = std::vector<std::string>;

Files FilesOf(SimFileSystem& disk, const std::string& path) {
  Files files;
  auto directory = Value(disk.OpenDirectory(path, Create::kNever));
  for (const DirectoryEntry& entry : Value(directory->List())) {
    const std::string inner = path + "/" + entry.name;
    if (entry.type == DirectoryEntry::Type::kDirectory) {
      files.merge(FilesOf(disk, inner));
    } else {
      files[inner] = Value(disk.Read(inner));
    }
  }
  return files;
}

std::unique_ptr<SimFileSystem> DiskOf(const Files& files) {
  auto disk = std::make_unique<SimFileSystem>();
  for (const auto& [path, content] : files) {
    const std::size_t slash = path.rfind('/');
    auto directory = Value(disk->OpenDirectory(path.substr(0, slash), Create::kIfMissing));
    auto file = Value(directory->Open(path.substr(slash + 1),
                                      {.access = Access::kWrite, .create = Create::kIfMissing}));
    REQUIRE_OK(file->WriteAt(0, content));
  }
  return disk;
}

/// One copy of the directory: a host that lives in it several times.
class Branch {
 public:
  Branch(std::unique_ptr<SimFileSystem> disk, std::uint64_t seed)
      : disk_(std::move(disk)), random_(seed) {}

  /// What it did from now on is not the other's.
  std::unique_ptr<SimFileSystem> Fork() { return disk_->Copy(); }
  absl::Status Open() {
    host_.reset();
    component_ = std::make_unique<Counters>();
    HostOptions options;
    options.directory = "d";
    options.components = {component_.get()};
    options.checkpoint = {.on_shutdown = false, .keep = keep};
    options.environment = {.files = disk_.get(), .clock = &clock_, .random = &random_};
    options.log = {.segment_bytes = 64 << 10, .group_bytes = 8 << 10, .ring_capacity = 8};
    auto host = Host::Open(std::move(options), {});
    if (host.ok()) host_ = *std::move(host);
    return host.status();
  }
  void Add(const std::string& who, int count) {
    for (int i = 0; i < count; ++i) {
      acknowledged.push_back(fmt::format("{}{}-{}", who, acknowledged.size(), padding_));
      REQUIRE_OK(component_->Add(acknowledged.back()));
    }
  }
  void Checkpoint() { REQUIRE_OK(host_->Checkpoint()); }
  void Shutdown() { REQUIRE_OK(host_->Shutdown()); }
  void Kill() { host_.reset(); }
  /// It holds these, each once, and nothing else.
  bool Holds(const Names& names) const {
    return component_->Total() == names.size() &&
           std::all_of(names.begin(), names.end(),
                       [&](const std::string& name) { return component_->Count(name) == 1; });
  }
  Files files() { return FilesOf(*disk_, "d"); }

  Names acknowledged = {};
  std::uint32_t keep = 2;

 private:
  const std::string padding_ = std::string(200, '.');
  std::unique_ptr<SimFileSystem> disk_;
  SimClock clock_;
  SimRandom random_;
  std::unique_ptr<Counters> component_;
  std::unique_ptr<Host> host_;
};

/// The files that go together: each file but objects, which no other copy has under the same name.
std::vector<std::vector<std::string>> GroupsOf(const Files& files) {
  std::vector<std::vector<std::string>> groups;
  std::vector<std::string> objects;
  for (const auto& [path, content] : files) {
    if (path.ends_with(".spare") || path.ends_with(".tmp") || path.ends_with("LOCK") ||
        path.ends_with(".lock") || path.ends_with("RESERVE")) {
      continue;
    }
    if (path.find("/data+/") != path.npos) {
      objects.push_back(path);
    } else {
      groups.push_back({path});
    }
  }
  if (!objects.empty()) groups.push_back(std::move(objects));
  return groups;
}

/// How often each of them happened.
struct Outcomes {
  int one = 0, other = 0, refused = 0, wrong = 0;
};

void Judge(const Files& mixed, const Branch& one, const Branch& other, const std::string& what,
           Outcomes& outcomes) {
  Branch branch(DiskOf(mixed), 77);
  const absl::Status opened = branch.Open();
  if (!opened.ok()) {
    INFO(what << ": " << opened.ToString());
    CHECK(absl::IsDataLoss(opened));
    CHECK(FaultOf(opened).has_value());
    CHECK_FALSE(FaultOf(opened)->place.empty());
    ++outcomes.refused;
  } else if (branch.Holds(one.acknowledged)) {
    ++outcomes.one;
  } else if (branch.Holds(other.acknowledged)) {
    ++outcomes.other;
  } else {
    std::cout << fmt::format("wrong: {}\n", what);
    ++outcomes.wrong;
  }
}

/// Lays every subset of the files of one over the other; where there are many, as many as `most`.
void Mix(Branch& one, Branch& other, std::uint64_t seed, std::size_t most, Outcomes& outcomes) {
  const Files below = one.files(), above = other.files();
  const auto groups = GroupsOf(above);
  SimRandom random(seed);
  const std::uint64_t subsets = 1ULL << groups.size();
  for (std::uint64_t i = 1; i < std::min<std::uint64_t>(subsets, most); ++i) {
    // The small and the large ones first: one file that is laid over, or left out.
    std::uint64_t subset = i;
    if (subsets > most) {
      const std::size_t place = (i - 1) / 2;
      subset = place < groups.size() ? 1ULL << place : Value(random.Next()) % subsets;
      if (i % 2 == 0) subset = subsets - 1 - subset;
    }
    Files mixed = below;
    std::string what = "laid over:";
    for (std::size_t g = 0; g < groups.size(); ++g) {
      if ((subset >> g & 1) == 0) continue;
      for (const std::string& path : groups[g]) mixed[path] = above.at(path);
      what += " " + groups[g].front();
    }
    Judge(mixed, one, other, what, outcomes);
  }
}

TEST_CASE("Files of two copies of a directory are one history or refused (K72)", "[long]") {
  enum class Moment { kShutdown, kKill, kLive };
  Outcomes outcomes;
  std::uint64_t seed = 1;
  for (const Moment moment : {Moment::kShutdown, Moment::kKill, Moment::kLive}) {
    for (const std::uint32_t keep : {1u, 2u}) {
      for (const bool checkpoint_before : {false, true}) {
        for (const auto& [more, rest] : {std::pair(3, 3), {20, 3}, {3, 20}, {25, 25}}) {
          for (const int life :
               {0, 1, 3, 4}) {  // bits: which branch has a checkpoint; both end idle
            const int checkpoints = life & 3;
            const bool again = life == 4;
            INFO("moment " << static_cast<int>(moment) << ", keep " << keep << ", before "
                           << checkpoint_before << ", operations " << more << " and " << rest
                           << ", life " << life);
            Branch one(std::make_unique<SimFileSystem>(), ++seed);
            one.keep = keep;
            REQUIRE_OK(one.Open());
            one.Add("common", 12);
            if (checkpoint_before) one.Checkpoint();
            one.Add("common", 5);
            if (moment == Moment::kShutdown) one.Shutdown();
            if (moment == Moment::kKill) one.Kill();
            Branch other(one.Fork(), ++seed);
            other.keep = keep;
            other.acknowledged = one.acknowledged;
            if (moment != Moment::kLive) REQUIRE_OK(one.Open());
            REQUIRE_OK(other.Open());
            for (auto [branch, name, count, bit] :
                 {std::tuple(&one, "one", more, 1), {&other, "other", rest, 2}}) {
              branch->Add(name, count);
              if ((checkpoints & bit) != 0) branch->Checkpoint();
              branch->Add(name, count / 2);
              branch->Kill();
              if (!again) continue;
              // The log may begin behind the checkpoint after that: then the histories of what is
              // gone are all that tells two logs of equal length apart.
              REQUIRE_OK(branch->Open());
              branch->Checkpoint();
              branch->Add(name, 2);
              branch->Kill();
            }
            Mix(one, other, seed, 24, outcomes);
            Mix(other, one, seed, 24, outcomes);
          }
        }
      }
    }
  }
  std::cout << fmt::format("mixes: {} are the one branch, {} the other, {} refused, {} wrong\n",
                           outcomes.one, outcomes.other, outcomes.refused, outcomes.wrong);
  CHECK(outcomes.one + outcomes.other > 1'000);
  CHECK(outcomes.refused > 1'000);
  CHECK(outcomes.wrong == 0);
}

}  // namespace
}  // namespace dr::test
