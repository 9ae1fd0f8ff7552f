# cmake --install: headers, libraries, the CMake package `dr` and dr.pc.
