// Bytes that must not be seen: passwords, keys.
//
//   dr::Secret password("correct horse");
//   connect(password.Reveal());     // the only way to the bytes; easy to find in a review
//   fmt::print("{}", password);     // does not compile, nor does any other way to print it
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include "dr/export.h"

namespace dr::inline v0 {

/// Owns a copy of bytes, kept out of core dumps and swap as far as the process may, and overwritten
/// with zeros when it ends. Moved, never copied by accident.
class DR_EXPORT Secret {
 public:
  Secret() = default;
  /// Copies the bytes; what becomes of the original is up to the caller (see Wipe).
  explicit Secret(std::string_view bytes);
  /// `other` is empty behind it.
  Secret(Secret&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  /// The two change places.
  Secret& operator=(Secret&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Secret();

  /// A second copy, on purpose.
  Secret Clone() const { return Secret(Reveal()); }
  /// Valid until this object is moved or destroyed.
  std::string_view Reveal() const { return {bytes_, size_}; }
  std::size_t size() const { return size_; }  ///< in bytes
  bool empty() const { return size_ == 0; }   ///< no bytes: nothing was given

  /// Takes a time that depends on the lengths only.
  friend DR_EXPORT bool operator==(const Secret& a, const Secret& b);

 private:
  char* bytes_ = nullptr;
  std::size_t size_ = 0;
};

/// Overwrites bytes with zeros, also where the compiler takes them for dead.
DR_EXPORT void Wipe(char* bytes, std::size_t size);

}  // namespace dr::inline v0
