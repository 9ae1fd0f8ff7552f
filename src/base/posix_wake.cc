#include "src/base/posix_wake.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "dr/status.h"

namespace dr::inline v0 {

absl::StatusOr<int> WakeDescriptor::Get() {
  MutexLock lock(mutex_);
  if (!fd_.valid()) {
    fd_ = FileDescriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd_.valid()) return MakeIoFault("eventfd", "", errno);
  }
  return fd_.get();
}

bool WakeDescriptor::is_made() const {
  MutexLock lock(mutex_);
  return fd_.valid();
}

void WakeDescriptor::Signal() {
  MutexLock lock(mutex_);
  if (!fd_.valid() || signalled_) return;
  const std::uint64_t one = 1;
  signalled_ = write(fd_.get(), &one, sizeof(one)) == sizeof(one);
}

void WakeDescriptor::Clear() {
  MutexLock lock(mutex_);
  if (!signalled_) return;
  std::uint64_t count = 0;
  signalled_ = read(fd_.get(), &count, sizeof(count)) != sizeof(count);
}

}  // namespace dr::inline v0
