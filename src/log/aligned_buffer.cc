#include "src/log/aligned_buffer.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "dr/environment/file_system.h"

namespace dr::inline v0 {

AlignedBuffer::AlignedBuffer(std::size_t bytes)
    : data_(static_cast<char*>(std::aligned_alloc(kDirectAlignment, bytes))), bytes_(bytes) {
  if (data_ == nullptr) throw std::bad_alloc();
  std::memset(data_.get(), 0, bytes);
}

void AlignedBuffer::Free::operator()(char* p) const { std::free(p); }

}  // namespace dr::inline v0
