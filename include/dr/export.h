// Symbol visibility. libdr.so shows what is marked DR_EXPORT and nothing else; its targets and
// pkg-config files define DR_SHARED. libdr.a shows nothing, so that programs and plugins of one
// process can each have a copy of their own, and none is taken for another's. What crosses the
// border between two modules, a Host, a component, belongs to one copy: there, link the shared one.
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
