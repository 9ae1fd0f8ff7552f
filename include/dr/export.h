// Symbol visibility. A shared build hides everything that is not marked DR_EXPORT.
//
// All of dr lives in `namespace dr::inline v0`: before 1.0 there is no ABI promise, and two
// versions linked into one program must not be taken for each other.
#pragma once

#if defined(__GNUC__)
#define DR_EXPORT __attribute__((visibility("default")))
#else
#define DR_EXPORT
#endif
