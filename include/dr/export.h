// Symbol visibility. libdr.so shows what is marked DR_EXPORT and nothing else; its targets and
// pkg-config files define DR_SHARED. libdr.a shows nothing, so that a program and each of its
// plugins can have a copy of their own without one being taken for the other. A Host or a component
// that crosses the border between two modules belongs to one copy: link the shared library there.
//
// All of dr lives in `namespace dr::inline v0`: before 1.0 there is no ABI promise, and two
// versions linked into one program must not be taken for each other.
#pragma once

#include "dr/compiler.h"

#if defined(DR_SHARED) && defined(__GNUC__)
#define DR_EXPORT __attribute__((visibility("default")))
#else
#define DR_EXPORT
#endif
