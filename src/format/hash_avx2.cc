// The whole file is compiled for AVX2, so it may contain nothing that another file could share with
// it: no template, no inline function but those of xxhash, which are static.
#include "src/format/hash_avx2.h"

#if defined(__x86_64__)
#include <xxhash.h>

static_assert(XXH_VECTOR == XXH_AVX2);

namespace dr::inline v0 {

std::uint64_t HashWithAvx2(const char* bytes, std::size_t size) { return XXH3_64bits(bytes, size); }

}  // namespace dr::inline v0
#endif
