#include "dr/secret.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace dr::inline v0 {
namespace {

// Whole pages, because a dump and the swap are kept away from pages.
std::size_t MappedBytes(std::size_t size) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}

}  // namespace

Secret::Secret(std::string_view bytes) : size_(bytes.size()) {
  if (size_ == 0) return;
  const std::size_t mapped = MappedBytes(size_);
  void* pages = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  // Best effort: the limit on locked memory may be used up, and that must not stop a restore.
  (void)madvise(pages, mapped, MADV_DONTDUMP);
  (void)mlock(pages, mapped);
  bytes_ = static_cast<char*>(pages);
  memcpy(bytes_, bytes.data(), size_);
}

Secret::~Secret() {
  if (bytes_ == nullptr) return;
  Wipe(bytes_, size_);
  munmap(bytes_, MappedBytes(size_));
}

bool operator==(const Secret& a, const Secret& b) {
  if (a.size_ != b.size_) return false;
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size_; ++i) {
    difference = difference | static_cast<unsigned char>(a.bytes_[i] ^ b.bytes_[i]);
  }
  return difference == 0;
}

void Wipe(char* bytes, std::size_t size) { explicit_bzero(bytes, size); }

}  // namespace dr::inline v0
