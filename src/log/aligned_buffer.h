// Memory whose address and size suit direct writes.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace dr::inline v0 {

/// Zero at first. Reused, because first touch costs as much as the disk. A value: what is written
/// without the log's mutex is moved out, and belongs to the thread that writes it.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t bytes);
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::move(other.data_)), bytes_(std::exchange(other.bytes_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    data_ = std::move(other.data_);
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }

  std::span<char> span() { return {data_.get(), bytes_}; }
  char* data() { return data_.get(); }
  const char* data() const { return data_.get(); }
  std::size_t size() const { return bytes_; }  ///< 0: it was moved out

 private:
  struct Free {
    void operator()(char* p) const;
  };
  std::unique_ptr<char[], Free> data_;
  std::size_t bytes_ = 0;
};

}  // namespace dr::inline v0
