#include "dr/inspect/doctor.h"

#include <set>

#include "dr/status.h"
#include "src/inspect/doctor_findings.h"
#include "tests/inspect/stored_host_fixture.h"

namespace dr::test {
namespace {

std::set<std::string> NamesBelow(const std::string& path) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    names.insert(entry.path());
  }
  return names;
}

TEST_CASE("A directory of its owner's alone is fine, and all else is warned of") {
  CHECK(JudgePermissions({.owner = 7, .mode = 0700}, 7).empty());
  for (std::uint32_t mode : {0755, 0710, 0701, 0704}) {
    const std::vector<Finding> findings = JudgePermissions({.owner = 7, .mode = mode}, 7);
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].severity == Severity::kWarning);
    CHECK(findings[0].next == "chmod 700");
  }
  CHECK(JudgePermissions({.owner = 7, .mode = 0700}, 0)[0].what ==
        "the directory belongs to user 7, and this is user 0");
}

TEST_CASE("Few open files are warned of") {
  CHECK(JudgeFileLimit(100)->what == "only 100 files may be open at once");
  CHECK(JudgeFileLimit(255).has_value());
  CHECK_FALSE(JudgeFileLimit(256).has_value());
}

TEST_CASE("What is no file, and a file of another user's, is named (K34) (K78)") {
  using Type = DirectoryEntry::Type;
  CHECK(JudgeFile("RESERVE", Type::kDirectory, {}, 0)->what == "RESERVE is no regular file");
  CHECK(JudgeFile("wal/x.tmp", Type::kOther, {}, 0)->next == "move it away");
  CHECK(JudgeFile("HEAD", Type::kFile, 7, 0)->what ==
        "HEAD belongs to user 7, and the directory to user 0");
  CHECK_FALSE(JudgeFile("HEAD", Type::kFile, 0, 0).has_value());
  CHECK_FALSE(JudgeFile("HEAD", Type::kFile, {}, 0).has_value());  // it is gone by now
}

TEST_CASE("A24: A place is refused for what is unsafe, and not for warnings") {
  const Finding warning{.what = "little space", .next = "make room"};
  const Finding unsafe{.severity = Severity::kUnsafe, .what = "memory", .next = "use a disk"};
  CHECK(JudgePlace({}, "/place").ok());
  CHECK(JudgePlace({warning, warning}, "/place").ok());
  const absl::Status refused = JudgePlace({warning, unsafe}, "/place");
  CHECK(IsFault(refused, FaultKind::kUnsupported));
  CHECK(FaultOf(refused)->place == "/place");
}

TEST_CASE("A host's directory is examined beside its host, and left as it was") {
  const Places places;
  RunHost(places.host, [&](Host&, Counters& counters) {
    AddMany(counters, 1);
    const std::set<std::string> names = NamesBelow(places.host);
    const Diagnosis found = Value(Diagnose(places.host));
    CHECK(NamesBelow(places.host) == names);
    CHECK(found.generation == "g-000001");
    CHECK(found.permissions.mode == 0700);
    CHECK(found.open_files_max > 0);
    CHECK(found.volume.free_bytes > 0);
    REQUIRE(found.cost.has_value());
    CHECK(found.cost->durable_us_max >= found.cost->durable_us);
    CHECK(found.verdict.ok() == found.durable);
  });
}

TEST_CASE("A place without a host is examined too, and a damaged host is damage") {
  const Places places;
  std::filesystem::create_directory(places.host);
  const Diagnosis empty = Value(Diagnose(places.host));
  CHECK(empty.generation.empty());
  CHECK(empty.cost.has_value());
  CHECK(std::filesystem::is_empty(places.host));
  CHECK(absl::IsNotFound(Diagnose(places.output).status()));
  RunHost(places.output, [](Host&, Counters&) {});
  std::ofstream(places.output + "/CURRENT") << "g-000009 0\n";
  CHECK(IsFault(Value(Diagnose(places.output)).verdict, FaultKind::kIncomplete));
}

}  // namespace
}  // namespace dr::test
