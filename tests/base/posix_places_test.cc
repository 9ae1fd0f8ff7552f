// File systems that lack something: hard links, overwriting in place; and files of other owners.

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "catch2/catch.hpp"
#include "dr/status.h"
#include "src/base/posix_directory.h"
#include "src/base/set_aside.h"
#include "tests/support/temp_directory.h"

namespace {

using dr::Access;
using dr::Create;
using dr::test::TempDirectory;
namespace fs = std::filesystem;

constexpr dr::OpenOptions kCreate{.access = Access::kWrite, .create = Create::kIfMissing};
constexpr uid_t kService = 12345;

class WithoutLinks : public dr::Syscalls {
 public:
  int LinkAt(int, const char*, const char*) const override {
    errno = EPERM;  // as vfat
    return -1;
  }
};

class WithoutNames final : public WithoutLinks {
 public:
  int RenameAt2(int, const char*, const char*, unsigned) const override {
    errno = EINVAL;
    return -1;
  }
};

TEST_CASE("without hard links a name is still given to one of two and the other is told (K32)") {
  const TempDirectory temp;
  const WithoutLinks system;
  auto directory = *dr::OpenPosixDirectory(system, temp.path(), Create::kNever);
  REQUIRE(directory->Open("a", kCreate).ok());
  REQUIRE(directory->Open("b", kCreate).ok());
  REQUIRE(directory->OpenDirectory("folder", Create::kIfMissing).ok());
  CHECK(directory->Link("a", "name").ok());
  CHECK(fs::exists(temp / "name"));
  const absl::Status second = directory->Link("b", "name");
  CHECK(absl::IsAlreadyExists(second));
  CHECK(dr::FaultOf(second)->place == temp / "name");
  CHECK_FALSE(directory->Link("folder", "other").ok());
  CHECK(fs::exists(temp / "folder"));
}

TEST_CASE("a file system that cannot give a name to one of two is refused in clear words (K32)") {
  const TempDirectory temp;
  const WithoutNames system;
  auto directory = *dr::OpenPosixDirectory(system, temp.path(), Create::kNever);
  REQUIRE(directory->Open("a", kCreate).ok());
  const absl::Status refused = directory->Link("a", "name");
  CHECK(absl::IsUnimplemented(refused));
  CHECK(refused.message().find("neither hard links") != absl::string_view::npos);
}

TEST_CASE("what root makes in a service's directory belongs to the service (K34)") {
  if (geteuid() != 0) {
    WARN("skipped: only root gives files away");
    return;
  }
  const TempDirectory temp;
  REQUIRE(chown(temp.path().c_str(), kService, kService) == 0);
  const auto owner = [&](const std::string& name) {
    struct stat info {};
    REQUIRE(lstat((temp / name).c_str(), &info) == 0);
    return info.st_uid;
  };
  auto directory = *dr::PosixFileSystem().OpenDirectory(temp / "new/parents", Create::kIfMissing);
  REQUIRE(directory->Open("file", kCreate).ok());
  REQUIRE(directory->OpenDirectory("folder", Create::kIfMissing).ok());
  for (const char* name : {"new", "new/parents", "new/parents/file", "new/parents/folder"}) {
    CHECK(owner(name) == kService);
  }
}

TEST_CASE("a file of another user is refused by name and with both users (K34)") {
  if (geteuid() != 0) {
    WARN("skipped: only root becomes another user");
    return;
  }
  const TempDirectory temp;
  auto directory = *dr::PosixFileSystem().OpenDirectory(temp.path(), Create::kNever);
  REQUIRE(directory->Open("HEAD", kCreate).ok());
  REQUIRE(chmod(temp.path().c_str(), 0777) == 0);
  const pid_t child = fork();
  if (child == 0) {
    if (setuid(kService) != 0) _exit(1);
    const absl::Status refused = directory->Open("HEAD", {.access = Access::kWrite}).status();
    const auto says = [&](std::string_view text) {
      return dr::AsStd(refused.message()).find(text) != std::string_view::npos;
    };
    _exit(says("HEAD") && says("belongs to user 0, and this is user 12345") && says("check owner")
              ? 7
              : 2);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 7);
}

TEST_CASE("whatever is no file is moved aside under a free name and files stay (K78)") {
  const TempDirectory temp;
  auto directory = *dr::PosixFileSystem().OpenDirectory(temp.path(), Create::kNever);
  for (int round = 1; round <= 2; ++round) {
    REQUIRE(mkfifo((temp / "fifo").c_str(), 0600) == 0);
    fs::create_directories(temp / "folder/full");
    fs::create_symlink("nowhere", temp / "link");
    for (const char* name : {"fifo", "folder", "link"}) {
      CHECK(dr::SetAsideUnlessFile(*directory, name).ok());
      CHECK_FALSE(fs::exists(fs::symlink_status(temp / name)));
      const std::string aside = temp / name + ".aside-" + std::to_string(round);
      CHECK(fs::exists(fs::symlink_status(aside)));
    }
  }
  REQUIRE(directory->Open("file", kCreate).ok());
  CHECK(dr::SetAsideUnlessFile(*directory, "file").ok());
  CHECK(dr::SetAsideUnlessFile(*directory, "missing").ok());
  CHECK(fs::exists(temp / "file"));
}

}  // namespace
