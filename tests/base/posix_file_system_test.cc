// What only the machine's own files can show: permissions, what else may lie at a name, locks
// between processes, flags. What every FileSystem does is in tests/testing.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "catch2/catch.hpp"
#include "dr/environment/descriptor.h"
#include "dr/environment/file_system.h"
#include "dr/status.h"
#include "tests/support/temp_directory.h"

namespace {

using dr::Access;
using dr::Create;
using dr::test::TempDirectory;
namespace fs = std::filesystem;

constexpr dr::OpenOptions kCreate{.access = Access::kWrite, .create = Create::kIfMissing};

std::unique_ptr<dr::Directory> OpenDirectory(const std::string& path) {
  auto directory = dr::PosixFileSystem().OpenDirectory(path, Create::kIfMissing);
  REQUIRE(directory.ok());
  return *std::move(directory);
}

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  REQUIRE(lstat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

dr::FaultKind KindOf(const absl::Status& status) {
  const auto fault = dr::FaultOf(status);
  REQUIRE(fault.has_value());
  return fault->kind;
}

// Runs `body` in a child process that cannot reach this one's test reporter; returns its exit code.
template <typename Body>
int InChild(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_CASE("Files are 0600 and directories 0700, parents included") {
  const TempDirectory temp;
  auto directory = OpenDirectory(temp / "a/b//c/");
  REQUIRE(directory->Open("file", kCreate).ok());
  REQUIRE(directory->OpenDirectory("sub", Create::kExclusive).ok());
  CHECK(ModeOf(temp / "a") == 0700);
  CHECK(ModeOf(temp / "a/b") == 0700);
  CHECK(ModeOf(temp / "a/b/c/sub") == 0700);
  CHECK(ModeOf(temp / "a/b/c/file") == 0600);
}

TEST_CASE("A path is opened as asked: never made, made once, made exclusively") {
  const TempDirectory temp;
  dr::PosixFileSystem files;
  CHECK(absl::IsNotFound(files.OpenDirectory(temp / "x/y", Create::kNever).status()));
  CHECK_FALSE(fs::exists(temp / "x"));
  CHECK(files.OpenDirectory(temp / "x/y", Create::kExclusive).ok());
  CHECK(absl::IsAlreadyExists(files.OpenDirectory(temp / "x/y", Create::kExclusive).status()));
  CHECK(files.OpenDirectory(temp / "x/y", Create::kIfMissing).ok());
  CHECK(files.OpenDirectory("/", Create::kIfMissing).ok());
  CHECK(files.OpenDirectory(".", Create::kIfMissing).ok());
  std::ofstream(temp / "plain") << "x";
  CHECK(absl::IsInvalidArgument(files.OpenDirectory(temp / "plain", Create::kIfMissing).status()));
  CHECK(absl::IsInvalidArgument(files.OpenDirectory("", Create::kIfMissing).status()));
  CHECK(absl::IsInvalidArgument(
      files.OpenDirectory(std::string("a\0b", 3), Create::kIfMissing).status()));
}

TEST_CASE("The path of the root may go through symbolic links") {
  const TempDirectory temp;
  fs::create_directory(temp / "real");
  fs::create_directory_symlink("real", temp / "link");
  OpenDirectory(temp / "link/below");
  CHECK(fs::is_directory(temp / "real/below"));
}

TEST_CASE("F2: symbolic links, FIFOs, devices, sockets and directories are refused as files") {
  const TempDirectory temp;
  auto directory = OpenDirectory(temp.path());
  std::ofstream(temp / "target") << "secret";
  fs::create_symlink("target", temp / "symlink");
  fs::create_symlink("nowhere", temp / "dangling");
  fs::create_symlink("/proc/self/exe", temp / "magic");
  fs::create_directory(temp / "directory");
  REQUIRE(mkfifo((temp / "fifo").c_str(), 0600) == 0);
  const dr::FileDescriptor socket_fd(socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  (temp / "socket").copy(address.sun_path, sizeof(address.sun_path) - 1);
  REQUIRE(bind(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);

  for (const char* name : {"symlink", "dangling", "magic", "directory", "fifo", "socket"}) {
    for (Access access : {Access::kRead, Access::kWrite}) {
      for (Create create : {Create::kNever, Create::kIfMissing}) {
        INFO(name);
        CHECK(absl::IsInvalidArgument(
            directory->Open(name, {.access = access, .create = create}).status()));
      }
    }
    CHECK(absl::IsInvalidArgument(directory->Info(name).status()));
  }
  CHECK_FALSE(fs::exists(temp / "nowhere"));
  CHECK(absl::IsInvalidArgument(OpenDirectory("/dev")->Open("null", {}).status()));
}

TEST_CASE("F2: a symbolic link to a directory is refused below the root, made or not") {
  const TempDirectory temp;
  auto directory = OpenDirectory(temp.path());
  fs::create_directory_symlink("/tmp", temp / "link");
  for (Create create : {Create::kNever, Create::kIfMissing}) {
    CHECK(absl::IsInvalidArgument(directory->OpenDirectory("link", create).status()));
  }
}

TEST_CASE("A hard link to the file shows in its link count, and a removed name too") {
  const TempDirectory temp;
  auto directory = OpenDirectory(temp.path());
  auto file = directory->Open("file", kCreate);
  REQUIRE(file.ok());
  fs::create_hard_link(temp / "file", temp / "second");
  CHECK((*file)->Info()->links == 2);
  fs::remove(temp / "file");
  fs::remove(temp / "second");
  CHECK((*file)->Info()->links == 0);
}

TEST_CASE("What is told of a file by its name is what its open file tells") {
  const TempDirectory temp;
  auto directory = OpenDirectory(temp.path());
  std::ofstream(temp / "file") << "12345";
  const auto file = directory->Open("file", {});
  REQUIRE(file.ok());
  const dr::FileInfo open = *(*file)->Info(), named = *directory->Info("file");
  CHECK(named.size == 5);
  CHECK(named.inode == open.inode);
  CHECK(named.links == open.links);
  CHECK(absl::IsNotFound(directory->Info("none").status()));
  CHECK(absl::IsInvalidArgument(directory->Info("..").status()));
}

TEST_CASE("An open directory stays the same one when its path is moved") {
  const TempDirectory temp;
  auto directory = OpenDirectory(temp / "old");
  fs::rename(temp / "old", temp / "new");
  REQUIRE(directory->Open("file", kCreate).ok());
  CHECK(fs::exists(temp / "new/file"));
}

TEST_CASE("Entries of every kind are listed by name, and their kind told") {
  const TempDirectory temp;
  auto directory = OpenDirectory(temp.path());
  fs::create_symlink("x", temp / "b_link");
  fs::create_directory(temp / "c_directory");
  std::ofstream(temp / "a_file") << "x";
  for (int round = 0; round < 2; ++round) {  // the position of a listing is not kept
    auto entries = directory->List();
    REQUIRE(entries.ok());
    REQUIRE(entries->size() == 3);
    CHECK((*entries)[0].name == "a_file");
    CHECK((*entries)[0].type == dr::DirectoryEntry::Type::kFile);
    CHECK((*entries)[1].type == dr::DirectoryEntry::Type::kOther);
    CHECK((*entries)[2].type == dr::DirectoryEntry::Type::kDirectory);
  }
}

TEST_CASE("A18: a lock held by another process is kBusy, and ends with that process") {
  const TempDirectory temp;
  auto directory = OpenDirectory(temp.path());
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t holder = fork();
  if (holder == 0) {
    auto file = OpenDirectory(temp.path())->Open("LOCK", kCreate);
    const char ok = file.ok() && (*file)->Lock().ok() ? 'y' : 'n';
    if (write(ready[1], &ok, 1) != 1) _exit(1);
    for (;;) pause();
  }
  char answer = 0;
  REQUIRE(read(ready[0], &answer, 1) == 1);
  CHECK(answer == 'y');
  auto file = directory->Open("LOCK", kCreate);
  REQUIRE(file.ok());
  CHECK(KindOf((*file)->Lock()) == dr::FaultKind::kBusy);
  kill(holder, SIGKILL);
  waitpid(holder, nullptr, 0);
  CHECK((*file)->Lock().ok());
  CHECK((*file)->Lock().ok());  // its own lock again
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE(
    "A18: two descriptions in one process exclude each other, and closing one frees the lock") {
  const TempDirectory temp;
  auto directory = OpenDirectory(temp.path());
  auto first = directory->Open("LOCK", kCreate);
  auto second = directory->Open("LOCK", kCreate);
  REQUIRE((*first)->Lock().ok());
  { auto third = directory->Open("LOCK", kCreate); }  // POSIX locks would end here
  CHECK(KindOf((*second)->Lock()) == dr::FaultKind::kBusy);
  first->reset();
  CHECK((*second)->Lock().ok());
}

TEST_CASE("A12: a write beyond RLIMIT_FSIZE is refused without the signal that ends the process") {
  const TempDirectory temp;
  CHECK(InChild([&] {
          const rlimit limit{.rlim_cur = 8192, .rlim_max = 8192};
          setrlimit(RLIMIT_FSIZE, &limit);
          auto file = OpenDirectory(temp.path())->Open("file", kCreate);
          const bool refused = absl::IsResourceExhausted((*file)->WriteAt(8190, "abc")) &&
                               absl::IsResourceExhausted((*file)->Truncate(8193)) &&
                               (*file)->WriteAt(8189, "abc").ok() && (*file)->Truncate(8192).ok();
          const rlimit lowered{.rlim_cur = 4096, .rlim_max = 8192};
          setrlimit(RLIMIT_FSIZE, &lowered);
          const bool still = absl::IsResourceExhausted((*file)->WriteAt(4096, "abc")) &&
                             (*file)->WriteAt(4093, "abc").ok();
          return refused && still ? 7 : 1;
        }) == 7);
}

TEST_CASE(
    "A12, H5: too many open files is an error of its own, and opening works again afterwards") {
  const TempDirectory temp;
  auto directory = OpenDirectory(temp.path());
  CHECK(InChild([&] {
          const rlimit limit{.rlim_cur = 32, .rlim_max = 32};
          setrlimit(RLIMIT_NOFILE, &limit);
          std::vector<std::unique_ptr<dr::File>> open;
          auto file = directory->Open("file", kCreate);
          for (; file.ok(); file = directory->Open("file", kCreate))
            open.push_back(*std::move(file));
          if (KindOf(file.status()) != dr::FaultKind::kIo) return 1;
          if (directory->List().ok()) return 2;
          open.clear();
          return directory->Open("file", kCreate).ok() && directory->List().ok() ? 7 : 3;
        }) == 7);
}

TEST_CASE("A12: permissions that forbid it are an error that says so") {
  if (geteuid() == 0) {
    WARN("skipped: root is forbidden nothing");
    return;
  }
  const TempDirectory temp;
  auto directory = OpenDirectory(temp / "locked");
  fs::permissions(temp / "locked", fs::perms::none);
  const absl::Status status = directory->Open("file", kCreate).status();
  CHECK(status.code() == absl::StatusCode::kInternal);
  CHECK(status.message().find("permissions") != absl::string_view::npos);
  fs::permissions(temp / "locked", fs::perms::owner_all);
}

// flags of every descriptor that leads below `path`
std::vector<int> FlagsOfFilesBelow(const std::string& path) {
  std::vector<int> flags;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (!fs::read_symlink(entry.path(), gone).string().starts_with(path) || gone) continue;
    std::ifstream info("/proc/self/fdinfo/" + entry.path().filename().string());
    for (std::string line; std::getline(info, line);) {
      if (line.starts_with("flags:")) flags.push_back(std::stoi(line.substr(6), nullptr, 8));
    }
  }
  return flags;
}

TEST_CASE(
    "Direct files are O_DIRECT and O_DSYNC, and nothing is inherited by programs or non-blocking") {
  const TempDirectory temp;
  auto directory = OpenDirectory(temp.path());
  auto file = directory->Open(
      "file",
      {.access = Access::kWrite, .create = Create::kIfMissing, .path = dr::WritePath::kDirect});
  if (absl::IsUnimplemented(file.status())) {
    WARN("skipped: no direct writes beneath " << temp.path());
    return;
  }
  REQUIRE(file.ok());
  const auto flags = FlagsOfFilesBelow(temp.path());
  REQUIRE(flags.size() == 2);
  CHECK(std::ranges::count_if(flags, [](int f) { return (f & O_DIRECT) && (f & O_DSYNC); }) == 1);
  for (int f : flags) {
    CHECK((f & O_CLOEXEC) != 0);
    CHECK((f & O_NONBLOCK) == 0);
  }
}

TEST_CASE("A24: memory file systems are told from those that survive power loss") {
  const TempDirectory temp;
  auto volume = OpenDirectory(temp.path())->Volume();
  REQUIRE(volume.ok());
  CHECK(volume->free_bytes > 0);
  CHECK(volume->free_bytes <= fs::space(temp.path()).capacity);
  if (!fs::is_directory("/dev/shm")) {
    WARN("skipped: no /dev/shm");
    return;
  }
  volume = OpenDirectory("/dev/shm")->Volume();
  REQUIRE(volume.ok());
  CHECK(volume->type == "tmpfs");
  CHECK_FALSE(volume->survives_power_loss);
  CHECK_FALSE(volume->is_network);
  volume = dr::PosixFileSystem().OpenDirectory("/proc", Create::kNever).value()->Volume();
  CHECK(volume->type == "0x9fa0");
}

}  // namespace
