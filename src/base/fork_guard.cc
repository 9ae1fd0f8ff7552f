#include "src/base/fork_guard.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>

namespace dr::inline v0 {
namespace {

constexpr std::size_t kPageBytes = 4096;  // mmap and madvise round up where pages are larger

unsigned char* MapWipedOnFork() {
  void* page =
      mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  if (madvise(page, kPageBytes, MADV_WIPEONFORK) != 0) {
    munmap(page, kPageBytes);
    return nullptr;
  }
  return static_cast<unsigned char*>(page);
}

}  // namespace

ForkGuard::ForkGuard() : pid_(getpid()) {
  if (unsigned char* page = MapWipedOnFork()) {
    *page = 1;
    owned_ = page;
  }
}

ForkGuard::~ForkGuard() {
  if (owned_ != nullptr) munmap(const_cast<unsigned char*>(owned_), kPageBytes);
}

bool ForkGuard::IsOtherProcess() const { return getpid() != pid_; }

}  // namespace dr::inline v0
