#include "src/directory/host_directory.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "dr/environment/file_system.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

namespace fs = std::filesystem;

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}
void WriteText(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

TEST_CASE("A new directory gets its first generation, which the next life finds again") {
  const TempDirectory place;
  PosixFileSystem files;
  const std::string path = place.path() + "/state";
  for (int life = 0; life < 2; ++life) {
    const HostDirectory host = Value(HostDirectory::Open(files, path));
    CHECK(host.name == "g-000001");
    CHECK(fs::is_directory(path + "/g-000001/wal"));
    CHECK(fs::is_directory(path + "/g-000001/store"));
  }
}

TEST_CASE(
    "One host at a time has a directory, and who only reads needs no lock and creates nothing") {
  const TempDirectory place;
  PosixFileSystem files;
  const std::string path = place.path() + "/state";
  CHECK(absl::IsNotFound(HostDirectory::OpenToRead(files, path).status()));
  CHECK_FALSE(fs::exists(path));
  const HostDirectory host = Value(HostDirectory::Open(files, path));
  CHECK(absl::IsUnavailable(HostDirectory::Open(files, path).status()));
  CHECK(absl::IsUnavailable(HostDirectory::Lock(*host.root).status()));
  CHECK(Value(HostDirectory::OpenToRead(files, path)).name == host.name);
}

TEST_CASE("CURRENT that is damaged, or names what is not there, is data loss and stays as it is") {
  const TempDirectory place;
  PosixFileSystem files;
  const std::string path = place.path() + "/state", current = path + "/CURRENT";
  REQUIRE_OK(HostDirectory::Open(files, path).status());
  std::string text = ReadText(current);
  SECTION("one bit") { text[3] = static_cast<char>(text[3] ^ 1); }
  SECTION("cut short") { text.resize(text.size() / 2); }
  SECTION("empty") { text.clear(); }
  SECTION("another name") { text.replace(0, 8, "g-000002"); }
  WriteText(current, text);
  CHECK(absl::IsDataLoss(HostDirectory::Open(files, path).status()));
  CHECK(absl::IsDataLoss(HostDirectory::OpenToRead(files, path).status()));
  CHECK(ReadText(current) == text);
}

TEST_CASE("A directory that lost CURRENT is new only as long as there is no log in it") {
  const TempDirectory place;
  PosixFileSystem files;
  const std::string path = place.path() + "/state";
  REQUIRE_OK(HostDirectory::Open(files, path).status());
  fs::remove(path + "/CURRENT");
  REQUIRE_OK(HostDirectory::Open(files, path).status());
  WriteText(path + "/g-000001/wal/0000000000000001.wal", "x");
  fs::remove(path + "/CURRENT");
  CHECK(absl::IsDataLoss(HostDirectory::Open(files, path).status()));
  CHECK_FALSE(fs::exists(path + "/CURRENT"));
}

TEST_CASE("A generation, or a room of it, that is gone is data loss") {
  const TempDirectory place;
  PosixFileSystem files;
  const std::string path = place.path() + "/state";
  REQUIRE_OK(HostDirectory::Open(files, path).status());
  fs::remove_all(path + (GENERATE(true, false) ? "/g-000001" : "/g-000001/store"));
  const absl::Status lost = HostDirectory::Open(files, path).status();
  CHECK(absl::IsDataLoss(lost));
  CHECK(AsStd(lost.message()).find("g-000001") != std::string_view::npos);
}

}  // namespace
}  // namespace dr::test
