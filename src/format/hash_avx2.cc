// The whole file is compiled for AVX2, so it may contain nothing that another file could share with
// it: no template, no inline function but those of xxhash, which are static.
#include "src/format/hash_avx2.h"

#include <xxhash.h>

#if defined(__x86_64__)
static_assert(XXH_VECTOR == XXH_AVX2);
#endif

namespace dr::inline v0 {

std::uint64_t HashWithAvx2(const char* bytes, std::size_t size) { return XXH3_64bits(bytes, size); }

Digest DigestWithAvx2(const char* bytes, std::size_t size) {
  const XXH128_hash_t hash = XXH3_128bits(bytes, size);
  return {.high = hash.high64, .low = hash.low64};
}

}  // namespace dr::inline v0
