// A kernel that interrupts, does half the work, or fails: what PosixFile and PosixDirectory make of
// it.

#include "src/base/posix_file.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "catch2/catch.hpp"
#include "dr/status.h"
#include "src/base/posix_directory.h"
#include "tests/support/temp_directory.h"

namespace {

using dr::Access;
using dr::Create;
using dr::test::TempDirectory;
namespace fs = std::filesystem;

constexpr std::size_t kBlock = dr::kDirectAlignment;

// Fails call `fail_at` (counted from 1) with `error`; hands each transfer at most `transfer_max`
// bytes; repeats `error` before `repeats` calls that then succeed.
class FlakyKernel final : public dr::Syscalls {
 public:
  int fail_at = 0;
  int error = EIO;
  std::size_t transfer_max = SIZE_MAX;
  int repeats = 0;
  mutable int calls = 0;
  mutable int failed = 0;
  mutable std::vector<std::pair<off_t, std::size_t>> writes;

  int OpenAt(int d, const char* p, int f, mode_t m) const override {
    return Call([&] { return Syscalls::OpenAt(d, p, f, m); });
  }
  int OpenAt2(int d, const char* n, const open_how& how) const override {
    return Call([&] { return Syscalls::OpenAt2(d, n, how); });
  }
  int Fstat(int fd, struct stat* s) const override {
    return Call([&] { return Syscalls::Fstat(fd, s); });
  }
  int Statx(int fd, unsigned int mask, struct statx* s) const override {
    return Call([&] { return Syscalls::Statx(fd, mask, s); });
  }
  int SetFlags(int fd, int f) const override {
    return Call([&] { return Syscalls::SetFlags(fd, f); });
  }
  int SetLock(int fd, struct flock* l) const override {
    return Call([&] { return Syscalls::SetLock(fd, l); });
  }
  ssize_t Pread(int fd, char* out, std::size_t n, off_t at) const override {
    return Call([&] { return Syscalls::Pread(fd, out, std::min(n, transfer_max), at); });
  }
  ssize_t Pwrite(int fd, const char* data, std::size_t n, off_t at) const override {
    return Call([&] {
      const ssize_t put = Syscalls::Pwrite(fd, data, std::min(n, transfer_max), at);
      if (put > 0) writes.emplace_back(at, put);
      return put;
    });
  }
  int Fdatasync(int fd) const override {
    return Call([&] { return Syscalls::Fdatasync(fd); });
  }
  int Fsync(int fd) const override {
    return Call([&] { return Syscalls::Fsync(fd); });
  }
  int Ftruncate(int fd, off_t n) const override {
    return Call([&] { return Syscalls::Ftruncate(fd, n); });
  }
  int MkdirAt(int d, const char* n, mode_t m) const override {
    return Call([&] { return Syscalls::MkdirAt(d, n, m); });
  }

 private:
  template <typename Real>
  auto Call(Real real) const -> decltype(real()) {
    ++calls;
    if (calls == fail_at || repeated_ < repeats) {
      ++repeated_;
      ++failed;
      errno = error;
      return -1;
    }
    repeated_ = 0;
    return real();
  }
  mutable int repeated_ = 0;
};

struct AlignedBuffer {
  explicit AlignedBuffer(std::size_t size)
      : bytes(static_cast<char*>(std::aligned_alloc(kBlock, size)), &std::free),
        view(bytes.get(), size) {
    for (std::size_t i = 0; i < size; ++i) bytes.get()[i] = static_cast<char>('a' + i / 7 % 26);
  }
  std::unique_ptr<char, void (*)(void*)> bytes;
  std::string_view view;
};

std::string Pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>('a' + i * 31 % 26);
  return out;
}

// Exactly the range once, in order: no hole, no byte twice.
void CheckContiguous(const std::vector<std::pair<off_t, std::size_t>>& writes, off_t begin,
                     std::size_t size) {
  off_t at = begin;
  for (const auto& [offset, bytes] : writes) {
    CHECK(offset == at);
    at += static_cast<off_t>(bytes);
  }
  CHECK(at == begin + static_cast<off_t>(size));
}

TEST_CASE("A13, A14: short transfers of any size are continued at the right byte") {
  const TempDirectory temp;
  const std::string data = Pattern(100);
  for (std::size_t most = 1; most <= data.size(); ++most) {
    FlakyKernel kernel;
    kernel.transfer_max = most;
    auto directory = dr::OpenPosixDirectory(kernel, temp.path(), Create::kNever);
    REQUIRE(directory.ok());
    auto file =
        (*directory)
            ->Open(std::to_string(most), {.access = Access::kWrite, .create = Create::kExclusive});
    REQUIRE(file.ok());
    REQUIRE((*file)->WriteAt(5, data).ok());
    CheckContiguous(kernel.writes, 5, data.size());
    std::string back(200, 'x');
    CHECK((*file)->ReadAt(0, back).value() == 105);
    CHECK(back.substr(5, 100) == data);
  }
}

TEST_CASE("A13, A14: EINTR and EAGAIN before every transfer change nothing") {
  const TempDirectory temp;
  for (int error : {EINTR, EAGAIN}) {
    FlakyKernel kernel;
    auto directory = dr::OpenPosixDirectory(kernel, temp.path(), Create::kNever);
    REQUIRE(directory.ok());
    auto file =
        (*directory)->Open("file", {.access = Access::kWrite, .create = Create::kIfMissing});
    REQUIRE(file.ok());
    kernel.error = error;
    kernel.repeats = 3;
    kernel.transfer_max = 7;
    const std::string data = Pattern(50);
    REQUIRE((*file)->WriteAt(3, data).ok());
    CheckContiguous(kernel.writes, 3, data.size());
    std::string back(50, 'x');
    CHECK((*file)->ReadAt(3, back).value() == 50);
    CHECK(back == data);
  }
}

TEST_CASE("A13: EINTR at any call is survived by everything that can be interrupted") {
  const TempDirectory temp;
  FlakyKernel kernel;
  kernel.error = EINTR;
  auto directory = dr::OpenPosixDirectory(kernel, temp / "new/parents", Create::kIfMissing);
  REQUIRE(directory.ok());
  for (int n = 1;; ++n) {
    kernel.fail_at = kernel.calls + n;
    const int failed = kernel.failed;
    auto again = dr::OpenPosixDirectory(kernel, temp / "new", Create::kNever);
    auto file =
        (*directory)->Open("file", {.access = Access::kWrite, .create = Create::kIfMissing});
    if (kernel.failed == failed) {
      REQUIRE(file.ok());
      CHECK((*file)->WriteAt(0, "x").ok());
      CHECK((*file)->Sync().ok());
      CHECK((*file)->Truncate(3).ok());
      CHECK((*file)->Lock().ok());
      CHECK((*directory)->Sync().ok());
    }
    if (kernel.failed == failed) break;
    // fstat never says EINTR; every other call must have been repeated.
    CHECK((file.ok() || file.status().message().find("fstat") != absl::string_view::npos));
  }
}

TEST_CASE("Looking at a file's size fails with the call's name") {
  const TempDirectory temp;
  FlakyKernel kernel;
  auto directory = dr::OpenPosixDirectory(kernel, temp.path(), Create::kNever);
  auto file = (*directory)->Open("file", {.access = Access::kWrite, .create = Create::kIfMissing});
  REQUIRE(file.ok());
  kernel.fail_at = kernel.calls + 1;
  CHECK((*file)->Info().status().message().find("statx") != absl::string_view::npos);
  CHECK((*file)->Info()->size == 0);
}

TEST_CASE("A kernel that never gets on ends in an error, not in a loop") {
  const TempDirectory temp;
  FlakyKernel kernel;
  auto directory = dr::OpenPosixDirectory(kernel, temp.path(), Create::kNever);
  auto file = (*directory)->Open("file", {.access = Access::kWrite, .create = Create::kIfMissing});
  REQUIRE(file.ok());
  kernel.transfer_max = 0;
  CHECK_FALSE((*file)->WriteAt(0, "abc").ok());
  kernel.error = EAGAIN;
  kernel.repeats = 1 << 30;
  char byte = 0;
  CHECK_FALSE((*file)->WriteAt(0, "abc").ok());
  CHECK_FALSE((*file)->ReadAt(0, {&byte, 1}).ok());
}

TEST_CASE("A13: a direct write that stops inside a block goes on from the start of that block") {
  const TempDirectory temp;
  FlakyKernel kernel;
  auto directory = dr::OpenPosixDirectory(kernel, temp.path(), Create::kNever);
  auto file = (*directory)
                  ->Open("file", {.access = Access::kWrite,
                                  .create = Create::kIfMissing,
                                  .path = dr::WritePath::kDirect});
  if (absl::IsUnimplemented(file.status())) {
    WARN("skipped: no direct writes beneath " << temp.path());
    return;
  }
  const AlignedBuffer data(4 * kBlock);
  kernel.transfer_max = kBlock + 512;
  REQUIRE((*file)->WriteAt(0, data.view).ok());
  for (const auto& [offset, bytes] : kernel.writes) CHECK(offset % kBlock == 0);
  kernel.transfer_max = SIZE_MAX;
  const AlignedBuffer back(4 * kBlock);
  std::fill_n(back.bytes.get(), back.view.size(), 'x');
  CHECK((*file)->ReadAt(0, {back.bytes.get(), back.view.size()}).value() == 4 * kBlock);
  CHECK(back.view == data.view);
}

TEST_CASE("A14: EIO while reading is an error at its offset, never the end of the file") {
  const TempDirectory temp;
  FlakyKernel kernel;
  auto directory = dr::OpenPosixDirectory(kernel, temp.path(), Create::kNever);
  auto file = (*directory)->Open("file", {.access = Access::kWrite, .create = Create::kIfMissing});
  REQUIRE((*file)->WriteAt(0, Pattern(100)).ok());
  kernel.transfer_max = 40;
  kernel.fail_at = kernel.calls + 2;
  std::string back(100, 'x');
  const absl::Status status = (*file)->ReadAt(0, back).status();
  const auto fault = dr::FaultOf(status);
  REQUIRE(fault.has_value());
  CHECK(fault->kind == dr::FaultKind::kIo);
  CHECK(fault->offset == 40);
  CHECK(fault->place == temp / "file");
}

TEST_CASE("A8: a failed sync is reported as it is and not repeated") {
  const TempDirectory temp;
  FlakyKernel kernel;
  auto directory = dr::OpenPosixDirectory(kernel, temp.path(), Create::kNever);
  auto file = (*directory)->Open("file", {.access = Access::kWrite, .create = Create::kIfMissing});
  const int before = kernel.calls;
  kernel.fail_at = before + 1;
  CHECK((*file)->Sync().code() == absl::StatusCode::kUnavailable);
  CHECK(kernel.calls == before + 1);
}

TEST_CASE("F1: the kernel itself is told to stay beneath the directory and to follow no link") {
  struct Trace final : dr::Syscalls {
    mutable std::vector<std::uint64_t> resolve;
    int OpenAt2(int directory, const char* name, const open_how& how) const override {
      resolve.push_back(how.resolve);
      return Syscalls::OpenAt2(directory, name, how);
    }
  };
  const TempDirectory temp;
  Trace trace;
  auto directory = dr::OpenPosixDirectory(trace, temp.path(), Create::kNever);
  REQUIRE((*directory)->OpenDirectory("d", Create::kIfMissing).ok());
  REQUIRE((*directory)->Open("f", {.create = Create::kIfMissing}).ok());
  const std::uint64_t all = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  CHECK(trace.resolve == std::vector<std::uint64_t>{all, all});
}

TEST_CASE("Without openat2 the same names are refused") {
  const TempDirectory temp;
  fs::create_symlink("/etc/passwd", temp / "link");
  fs::create_directory_symlink("/tmp", temp / "directory");
  for (int error : {ENOSYS, EPERM}) {
    FlakyKernel kernel;
    kernel.error = error;
    auto directory = dr::OpenPosixDirectory(kernel, temp.path(), Create::kNever);
    auto with_next_call_failing = [&](auto call) {
      kernel.fail_at = kernel.calls + 1;
      return call();
    };
    CHECK(absl::IsInvalidArgument(
        with_next_call_failing([&] { return (*directory)->Open("link", {}).status(); })));
    CHECK(absl::IsInvalidArgument(with_next_call_failing(
        [&] { return (*directory)->OpenDirectory("directory", Create::kNever).status(); })));
    CHECK(with_next_call_failing([&] {
            return (*directory)
                ->Open("file" + std::to_string(error),
                       {.access = Access::kWrite, .create = Create::kExclusive})
                .status();
          }).ok());
    CHECK(kernel.failed == 3);
  }
}

std::size_t OpenDescriptors() {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

TEST_CASE("O6: whichever call fails, no descriptor is left open and no file half made") {
  const TempDirectory temp;
  const std::size_t open_before = OpenDescriptors();
  int n = 0;
  for (int failed = 1; failed > 0;) {
    FlakyKernel kernel;
    kernel.fail_at = ++n;
    const std::string root = temp / std::to_string(n);
    {
      auto directory = dr::OpenPosixDirectory(kernel, root + "/a/b", Create::kIfMissing);
      if (!directory.ok()) {
        CHECK(dr::FaultOf(directory.status())->kind == dr::FaultKind::kIo);
      } else {
        auto sub = (*directory)->OpenDirectory("sub", Create::kIfMissing);
        auto file =
            (*directory)->Open("file", {.access = Access::kWrite, .create = Create::kExclusive});
        CHECK(file.ok() == fs::exists(root + "/a/b/file"));
        const bool locked = file.ok() && (*file)->Lock().ok();
        CHECK((locked || kernel.failed > 0));
        auto entries = (*directory)->List();
        CHECK((entries.ok() || kernel.calls == n));
      }
    }
    failed = kernel.failed;
    CHECK(OpenDescriptors() == open_before);
  }
  CHECK(n > 15);
}

TEST_CASE(
    "A15: every directory that was made is synced into its parent, and an existing one again") {
  const TempDirectory temp;
  // Each level: mkdir, sync of the parent. What exists is synced too, as its maker may have died.
  struct Trace final : dr::Syscalls {
    mutable std::vector<std::string> calls;
    static std::string NameOf(int fd) {
      return fs::read_symlink("/proc/self/fd/" + std::to_string(fd)).filename();
    }
    int Fsync(int fd) const override {
      calls.push_back("sync " + NameOf(fd));
      return Syscalls::Fsync(fd);
    }
    int MkdirAt(int directory, const char* name, mode_t mode) const override {
      calls.push_back(std::string("mkdir ") + name);
      return Syscalls::MkdirAt(directory, name, mode);
    }
  };
  const std::string root = fs::path(temp.path()).filename();
  Trace trace;
  REQUIRE(dr::OpenPosixDirectory(trace, temp / "a/b", Create::kIfMissing).ok());
  const std::string above = fs::path(temp.path()).parent_path().filename();
  CHECK(trace.calls ==
        std::vector<std::string>{"sync " + above, "mkdir a", "sync " + root, "mkdir b", "sync a"});
  trace.calls.clear();
  REQUIRE(dr::OpenPosixDirectory(trace, temp / "a/b", Create::kIfMissing).ok());
  CHECK(trace.calls == std::vector<std::string>{"sync a"});
  trace.calls.clear();
  REQUIRE(dr::OpenPosixDirectory(trace, temp / "a/b", Create::kNever).ok());
  CHECK(trace.calls.empty());
}

}  // namespace
