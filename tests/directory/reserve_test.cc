#include "src/directory/reserve.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "dr/environment/file_system.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

struct Place {
  TempDirectory path;
  PosixFileSystem files;
  std::unique_ptr<Directory> directory = Value(files.OpenDirectory(path.path(), Create::kNever));

  std::uint64_t SizeOfFile() {
    auto file = Value(directory->Open(Reserve::kName, {}));
    return Value(file->Info()).size;
  }
};

TEST_CASE("A reserve takes what it keeps from the disk, a quarter more, and gives it back once") {
  Place place;
  Reserve reserve = Value(Reserve::Open(*place.directory));
  CHECK(reserve.bytes() == 0);
  CHECK_FALSE(Value(reserve.Release()));
  REQUIRE_OK(reserve.Keep(4 << 20));
  CHECK(reserve.bytes() == 5 << 20);
  CHECK(place.SizeOfFile() == 5 << 20);
  CHECK(Value(reserve.Release()));
  CHECK(absl::IsNotFound(place.directory->Open(Reserve::kName, {}).status()));
  CHECK_FALSE(Value(reserve.Release()));
}

TEST_CASE("What an earlier life has put aside counts, and shrinks when far less is wanted") {
  Place place;
  {
    Reserve first = Value(Reserve::Open(*place.directory));
    REQUIRE_OK(first.Keep(4 << 20));
  }
  Reserve reserve = Value(Reserve::Open(*place.directory));
  CHECK(reserve.bytes() == 5 << 20);
  REQUIRE_OK(reserve.Keep(2 << 20));
  CHECK(reserve.bytes() == 5 << 20);
  REQUIRE_OK(reserve.Keep(1 << 20));
  CHECK(reserve.bytes() == (1 << 20) + (1 << 18));
  CHECK(place.SizeOfFile() == reserve.bytes());
  REQUIRE_OK(reserve.Keep(0));
  CHECK(reserve.bytes() == 0);
}

TEST_CASE("A directory in the place of the reserve is set aside") {
  Place place;
  REQUIRE_OK(place.directory->OpenDirectory(Reserve::kName, Create::kIfMissing).status());
  Reserve reserve = Value(Reserve::Open(*place.directory));
  REQUIRE_OK(reserve.Keep(1 << 20));
  CHECK(place.SizeOfFile() == reserve.bytes());
}

}  // namespace
}  // namespace dr::test
