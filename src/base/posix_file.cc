#include "src/base/posix_file.h"

#include <sched.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"
#include "src/base/file_rules.h"
#include "src/base/posix_directory.h"

namespace dr::inline v0 {
namespace {

constexpr std::uint64_t kOffsetMax = std::numeric_limits<off_t>::max();

// A kernel that makes no progress this often in a row is not going to.
constexpr int kIdleAttemptsMax = 1000;

// Writing beyond RLIMIT_FSIZE would end the process by SIGXFSZ, so it is never tried. The limit may
// be lowered at any time, and inside a file that is longer it counts too.
std::uint64_t FileSizeLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kOffsetMax;
  return std::min<std::uint64_t>(limit.rlim_cur, kOffsetMax);
}

// A child that was forked since the file was opened shares its description, and would share the
// lock. Without a usable /proc that has to do.
int OpenAgain(const Syscalls& system, int fd) {
  const std::string path = fmt::format("/proc/self/fd/{}", fd);
  const int access = fcntl(fd, F_GETFL) & O_ACCMODE;  // a lock wants a file that can be written
  const int opened =
      Uninterrupted([&] { return system.OpenAt(AT_FDCWD, path.c_str(), access | O_CLOEXEC, 0); });
  const bool no_way = opened < 0 && (errno == ENOENT || errno == EACCES || errno == EPERM);
  return no_way ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : opened;
}

}  // namespace

PosixFile::PosixFile(const Syscalls& system, FileDescriptor fd, WritePath path, std::string place)
    : system_(system), fd_(std::move(fd)), path_(path), place_(std::move(place)) {}

// Not left to close(): a child that was not forked by fork() may have a copy.
PosixFile::~PosixFile() {
  if (lock_ && lock_->valid()) static_cast<void>(SetLock(F_UNLCK));
}

absl::Status PosixFile::CheckSizeLimit(std::string_view call, std::uint64_t end) const {
  return end > FileSizeLimit() ? MakeIoFault(call, place_, EFBIG, end) : absl::OkStatus();
}

absl::StatusOr<std::size_t> PosixFile::ReadAt(std::uint64_t offset, std::span<char> out) {
  DR_RETURN_IF_ERROR(CheckFileRange(place_, path_, offset, out.size(), out.data()));
  const bool direct = path_ == WritePath::kDirect;
  std::size_t done = 0;
  int idle = 0;
  while (done < out.size()) {
    const std::uint64_t at = offset + done;
    const ssize_t got = Uninterrupted([&] {
      return system_.Pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(at));
    });
    if (got < 0 && errno == EAGAIN && ++idle < kIdleAttemptsMax) {
      sched_yield();
      continue;
    }
    if (got < 0) return MakeIoFault("pread", place_, errno, at);
    idle = 0;
    done += static_cast<std::size_t>(got);
    // Past the cache only the end of the file is not aligned, and asking on from there is an error.
    if (got == 0 || (direct && done % kDirectAlignment != 0)) break;
  }
  return done;
}

absl::Status PosixFile::WriteAt(std::uint64_t offset, std::string_view data) {
  DR_RETURN_IF_ERROR(CheckFileRange(place_, path_, offset, data.size(), data.data()));
  DR_RETURN_IF_ERROR(CheckSizeLimit("pwrite", offset + data.size()));
  const bool direct = path_ == WritePath::kDirect;
  std::size_t done = 0;
  int idle = 0;
  while (done < data.size()) {
    const std::uint64_t at = offset + done;
    const ssize_t put = Uninterrupted([&] {
      return system_.Pwrite(fd_.get(), data.data() + done, data.size() - done,
                            static_cast<off_t>(at));
    });
    if (put < 0 && errno == EINVAL && direct) return MakeIoFault("pwrite", place_, EOPNOTSUPP, at);
    if (put < 0 && errno != EAGAIN) return MakeIoFault("pwrite", place_, errno, at);
    // Past the cache the rest must start on a block, so part of one is written again.
    const std::size_t reached = done + static_cast<std::size_t>(std::max<ssize_t>(put, 0));
    const std::size_t next =
        direct && reached < data.size() ? reached - reached % kDirectAlignment : reached;
    if (next > done) {
      idle = 0;
    } else if (++idle == kIdleAttemptsMax) {
      return MakeIoFault("pwrite", place_, put < 0 ? EAGAIN : EIO, at);
    } else {
      sched_yield();
    }
    done = next;
  }
  return absl::OkStatus();
}

absl::Status PosixFile::Sync() {
  if (Uninterrupted([&] { return system_.Fdatasync(fd_.get()); }) == 0) return absl::OkStatus();
  return MakeIoFault("fdatasync", place_, errno);
}

absl::Status PosixFile::Truncate(std::uint64_t size) {
  DR_RETURN_IF_ERROR(CheckSizeLimit("ftruncate", size));
  auto call = [&] { return system_.Ftruncate(fd_.get(), static_cast<off_t>(size)); };
  if (Uninterrupted(call) == 0) return absl::OkStatus();
  return MakeIoFault("ftruncate", place_, errno, size);
}

// Not fstat: a write after somebody has looked at the file's times must change them (since Linux
// 6.13), and a direct synchronous write then takes half as long again.
absl::StatusOr<FileInfo> PosixFile::Info() {
  struct statx info {};
  if (system_.Statx(fd_.get(), STATX_SIZE | STATX_INO | STATX_NLINK, &info) != 0) {
    return MakeIoFault("statx", place_, errno);
  }
  return FileInfo{.size = info.stx_size, .inode = info.stx_ino, .links = info.stx_nlink};
}

absl::Status PosixFile::Lock() {
  if (lock_) return absl::OkStatus();
  lock_.emplace([&] { return OpenAgain(system_, fd_.get()); });
  absl::Status locked =
      lock_->valid() ? SetLock(F_WRLCK) : MakeIoFault("open for a lock", place_, errno);
  if (!locked.ok()) lock_.reset();
  return locked;
}

absl::StatusOr<bool> PosixFile::IsInPlace() { return PosixIsInPlace(fd_.get(), place_); }

absl::Status PosixFile::SetLock(short type) const {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  if (Uninterrupted([&] { return system_.SetLock(lock_->get(), &lock); }) == 0) {
    return absl::OkStatus();
  }
  return MakeIoFault("lock", place_, errno == EACCES ? EAGAIN : errno);
}

}  // namespace dr::inline v0
