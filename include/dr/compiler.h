// What dr's headers ask of the compiler and its options. Anything else would end in pages of errors
// or, worse, in a program that links and then crashes; so it ends here, in one sentence. README.md,
// "Options that do not fit", has what no header can see.
#pragma once

#include <cstddef>  // for the macros of the standard library

#ifdef __has_feature
#define DR_HAS_FEATURE(feature) __has_feature(feature)
#else
#define DR_HAS_FEATURE(feature) 0
#endif

#if __cplusplus < 202002L
#error "dr needs C++20: compile with -std=c++20, or link dr::dr in CMake, which does"
#elif !defined(__linux__) || __SIZEOF_POINTER__ < 8
#error "dr runs on 64-bit Linux only for now"
#elif defined(__clang__) ? __clang_major__ < 14 : __GNUC__ < 12
#error "dr needs g++ 12 or clang++ 14 or newer: compile with another compiler"
#elif !defined(__GLIBCXX__)
#error "dr is compiled with libstdc++: compile without -stdlib=libc++"
#elif !_GLIBCXX_USE_CXX11_ABI
#error "dr is compiled with today's std::string: compile without -D_GLIBCXX_USE_CXX11_ABI=0"
#elif defined(_GLIBCXX_DEBUG)
#error \
    "-D_GLIBCXX_DEBUG changes containers that are shared with libraries compiled without it, \
and the program would crash: compile with -D_GLIBCXX_ASSERTIONS instead"
#elif (defined(__SANITIZE_THREAD__) || DR_HAS_FEATURE(thread_sanitizer)) && \
    !defined(DR_SANITIZED_THREAD)
#error \
    "this dr is compiled without -fsanitize=thread, and ThreadSanitizer would see races where \
there are none: compile dr with it too (add_subdirectory, or -DCMAKE_CXX_FLAGS=-fsanitize=thread)"
#elif DR_HAS_FEATURE(memory_sanitizer) && !defined(DR_SANITIZED_MEMORY)
#error \
    "this dr is compiled without -fsanitize=memory, and MemorySanitizer would take all that it \
writes for uninitialised: compile dr with it too, and the libraries that dr uses"
#else
#define DR_COMPILER_FITS
#endif

#ifndef DR_COMPILER_FITS
#include <dr_stops_at_the_error_above>
#endif
#undef DR_COMPILER_FITS
#undef DR_HAS_FEATURE
