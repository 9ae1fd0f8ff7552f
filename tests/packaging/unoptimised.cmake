# A toolchain file: -O0 instead of what Debug means.
set(CMAKE_CXX_FLAGS_DEBUG -O0 CACHE STRING "")
