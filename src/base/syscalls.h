// The system calls behind files. One seam, so that a test can stand in for a kernel that
// interrupts, does half the work, or fails at the n-th call.
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>

namespace dr::inline v0 {

/// Each member is one call of the same name, errors in errno.
class Syscalls {
 public:
  virtual ~Syscalls() = default;

  virtual int OpenAt(int directory, const char* path, int flags, mode_t mode) const {
    return openat(directory, path, flags, mode);
  }
  virtual int OpenAt2(int directory, const char* name, const open_how& how) const {
    return static_cast<int>(syscall(SYS_openat2, directory, name, &how, sizeof(how)));
  }
  virtual int Fstat(int fd, struct stat* info) const { return fstat(fd, info); }
  virtual int Statx(int fd, unsigned int mask, struct statx* info) const {
    return statx(fd, "", AT_EMPTY_PATH, mask, info);
  }
  virtual int SetFlags(int fd, int flags) const { return fcntl(fd, F_SETFL, flags); }
  virtual int SetLock(int fd, struct flock* lock) const { return fcntl(fd, F_OFD_SETLK, lock); }
  virtual int Flock(int fd, int operation) const { return flock(fd, operation); }
  virtual int LinkAt(int directory, const char* from, const char* to) const {
    return linkat(directory, from, directory, to, 0);
  }
  virtual int RenameAt2(int directory, const char* from, const char* to, unsigned flags) const {
    return renameat2(directory, from, directory, to, flags);
  }
  virtual int Fchown(int fd, uid_t user, gid_t group) const { return fchown(fd, user, group); }
  virtual uid_t Geteuid() const { return geteuid(); }
  virtual ssize_t Pread(int fd, char* out, std::size_t size, off_t offset) const {
    return pread(fd, out, size, offset);
  }
  virtual ssize_t Pwrite(int fd, const char* data, std::size_t size, off_t offset) const {
    return pwrite(fd, data, size, offset);
  }
  virtual int Fdatasync(int fd) const { return fdatasync(fd); }
  virtual int Fsync(int fd) const { return fsync(fd); }
  virtual int Ftruncate(int fd, off_t size) const { return ftruncate(fd, size); }
  virtual int MkdirAt(int directory, const char* name, mode_t mode) const {
    return mkdirat(directory, name, mode);
  }
};

/// Calls until it is not interrupted by a signal.
template <typename Call>
auto Uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace dr::inline v0
