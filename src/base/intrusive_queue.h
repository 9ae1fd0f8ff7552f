// A queue of objects with a link of their own, so that adding one can neither fail nor allocate.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "src/base/assert.h"

namespace dr::inline v0 {

/// First in, first out. `T` has a member `T* next = nullptr`, which belongs to the queue. Not
/// thread-safe.
template <typename T>
class IntrusiveQueue {
 public:
  IntrusiveQueue() = default;
  IntrusiveQueue(IntrusiveQueue&& other) noexcept { Append(other); }
  IntrusiveQueue& operator=(IntrusiveQueue&&) = delete;
  ~IntrusiveQueue() {
    while (Pop() != nullptr) {
    }
  }

  bool empty() const { return first_ == nullptr; }
  std::size_t size() const { return size_; }
  T* front() const { return first_; }

  void Push(std::unique_ptr<T> item) noexcept {
    DR_ASSERT(item != nullptr);
    T* raw = item.release();
    raw->next = nullptr;
    (first_ == nullptr ? first_ : last_->next) = raw;
    last_ = raw;
    ++size_;
  }
  /// Null if the queue is empty.
  std::unique_ptr<T> Pop() noexcept {
    if (first_ == nullptr) return nullptr;
    std::unique_ptr<T> item(std::exchange(first_, first_->next));
    --size_;
    DR_ASSERT((first_ == nullptr) == (size_ == 0));
    return item;
  }
  /// Takes over all of `other`.
  void Append(IntrusiveQueue& other) noexcept {
    if (other.empty()) return;
    (first_ == nullptr ? first_ : last_->next) = std::exchange(other.first_, nullptr);
    last_ = other.last_;
    size_ += std::exchange(other.size_, 0);
    DR_ASSERT(first_ != nullptr && size_ > 0);
  }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace dr::inline v0
