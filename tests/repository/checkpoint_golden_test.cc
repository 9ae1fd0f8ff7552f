// What a repository in a directory was when version 1 was fixed. Its files are never changed: a
// build that cannot restore them has broken every backup in the world.
// `repository_test "[write-golden]"` writes those of a version for the first time.
#include <catch2/catch.hpp>
#include <filesystem>

#include "dr/adapter/directory_store.h"
#include "tests/repository/checkpoints.h"
#include "tests/support/temp_directory.h"

namespace dr {
namespace {

using test::Bench;
using test::ManifestOf;
using test::ReadSnapshot;
using test::Records;
using test::WriteSnapshot;

const std::string kFolder = DR_SOURCE_DIR "/tests/repository/golden/v1";

// The second checkpoint changes one component and carries the other forward.
const Records kCarried = {"", "a record", std::string(5000, 'l')};
Records Changing(int checkpoint) { return {fmt::format("state {}", checkpoint)}; }
constexpr const char* kOddId = "../odd id\n";

struct Store {
  explicit Store(const std::string& path) {
    auto root = files.OpenDirectory(path, Create::kIfMissing);
    REQUIRE(root.ok());
    opened = DirectoryStore::Open(*std::move(root), random, clock);
    REQUIRE(opened.ok());
  }
  PosixFileSystem files;
  SystemRandom random;
  SystemClock clock;
  absl::StatusOr<std::unique_ptr<DirectoryStore>> opened = absl::InternalError("");
};

TEST_CASE("The golden repository is written", "[.write-golden]") {
  REQUIRE_FALSE(std::filesystem::exists(kFolder));
  Store store(kFolder);
  Bench bench(**store.opened, {.object_bytes = 4096});
  auto carried = WriteSnapshot(*bench, kOddId, kCarried, {1});
  for (int i = 1; i <= 2; ++i) {
    const Lsn as_of{static_cast<std::uint64_t>(i)};
    auto changing = WriteSnapshot(*bench, "changing", Changing(i), as_of);
    carried->as_of = as_of;
    REQUIRE(bench->Publish(ManifestOf({*carried, *changing}, as_of), {}).ok());
  }
  std::filesystem::remove(kFolder + "/.lock");
}

TEST_CASE("C18: The golden repository of version 1 is restored, and goes on") {
  test::TempDirectory temp;
  std::filesystem::copy(kFolder, temp / "v1", std::filesystem::copy_options::recursive);
  Store store(temp / "v1");
  Bench::seeds += 1000;  // other names than those that are there
  Bench bench(**store.opened);
  REQUIRE(bench.opened.ok());
  auto entries = bench->Entries({});
  REQUIRE(entries.ok());
  REQUIRE(entries->size() == 2);
  for (const RepositoryEntry& entry : *entries) {
    REQUIRE(entry.manifest.ok());
    const auto& components = entry.manifest->components;
    REQUIRE(components.size() == 2);
    CHECK(components[0].component == kOddId);
    CHECK(*ReadSnapshot(*bench, components[0]) == kCarried);
    CHECK(*ReadSnapshot(*bench, components[1]) == Changing(static_cast<int>(entry.sequence)));
  }
  CHECK(test::Checkpoint(*bench, {"x"})->sequence == 3);
}

}  // namespace
}  // namespace dr
