#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "dr/environment/descriptor.h"
#include "src/base/fork_mutex.h"

namespace dr::inline v0 {
namespace {

constexpr int kStreams = 3;

int living ABSL_GUARDED_BY(fork_mutex) = 0;
std::array<bool, kStreams> taken ABSL_GUARDED_BY(fork_mutex) = {};

bool IsFree(int fd) { return fcntl(fd, F_GETFD) < 0; }

// O_PATH: neither readable nor writable, so that printing to a closed stream fails as it did.
bool IsPlaceholder(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_PATH) != 0;
}

// The same open file under a number that is no stream's; -1, and `fd` closed, where none is left.
int AboveStandardStreams(int fd) {
  if (fd < 0 || fd >= kStreams) return fd;
  const int before = errno;
  const int moved = fcntl(fd, F_DUPFD_CLOEXEC, kStreams);
  const int failed = errno;
  close(fd);
  errno = moved < 0 ? failed : before;
  return moved;
}

}  // namespace

FileDescriptor::FileDescriptor(int fd) : fd_(AboveStandardStreams(fd)) {}

// Linux has closed the descriptor whatever close() says; trying again could hit another's.
FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) close(fd_);
}

StandardStreams::StandardStreams() {
  const ForkMutexLock lock;
  ++living;
  for (int stream = 0; stream < kStreams; ++stream) {
    if (!IsFree(stream)) continue;
    const int fd = open("/", O_PATH | O_CLOEXEC);  // the lowest number: the stream's
    if (fd == stream) {
      taken[stream] = true;
    } else if (fd >= 0) {
      close(fd);  // the program has just opened the stream itself
    }
  }
}

StandardStreams::~StandardStreams() {
  const ForkMutexLock lock;
  if (--living > 0) return;
  for (int stream = 0; stream < kStreams; ++stream) {
    if (taken[stream] && IsPlaceholder(stream)) close(stream);
    taken[stream] = false;
  }
}

}  // namespace dr::inline v0
