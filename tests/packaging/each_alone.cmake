# A toolchain file: without precompiled headers, which shows that every source includes what it uses.
include("${CMAKE_CURRENT_LIST_DIR}/unoptimised.cmake")
set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON CACHE BOOL "")
