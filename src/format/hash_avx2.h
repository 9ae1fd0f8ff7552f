// XXH3 by machine instructions that not every x86-64 has. Other processors have it as usual.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dr/digest.h"

namespace dr::inline v0 {

/// What HashOf returns, three times as fast. On x86-64 only where there is AVX2.
std::uint64_t HashWithAvx2(const char* bytes, std::size_t size);
/// What DigestOf returns, likewise.
Digest DigestWithAvx2(const char* bytes, std::size_t size);

}  // namespace dr::inline v0
