# Programs: examples/*.cc (one each, run by ctest), examples/dr_demo/*.cc, bench/**.cc, tools/drctl/*.cc.

function(dr_add_program name)
  if(NOT ARGN)
    return()
  endif()
  add_executable(${name} ${ARGN})
  dr_compile(${name})
  target_link_libraries(${name} PRIVATE dr dr_adapters fmt::fmt)
endfunction()

if(DR_BUILD_EXAMPLES)
  dr_require("The examples need" ", or configure with -DDR_BUILD_EXAMPLES=OFF" Protobuf:protobuf::libprotobuf-dev)
  find_package(Protobuf REQUIRED)
  # The program in README.md is an example too, as it stands there.
  set(readme_example "${PROJECT_BINARY_DIR}/generated/readme_example.cc")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/README.md")
  file(READ "${PROJECT_SOURCE_DIR}/README.md" readme)
  string(REGEX MATCH "```cpp\n([^`]*)```" block "${readme}")
  file(CONFIGURE OUTPUT "${readme_example}" CONTENT "${CMAKE_MATCH_1}" @ONLY)

  file(GLOB examples CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/*.cc")
  foreach(source IN LISTS examples readme_example)
    cmake_path(GET source STEM name)
    dr_add_program(${name} "${source}")
    add_test(NAME "example/${name}"
      COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:${name}> -P "${PROJECT_SOURCE_DIR}/cmake/run_example.cmake")
    set_tests_properties("example/${name}" PROPERTIES LABELS example TIMEOUT 120)
  endforeach()
  target_link_libraries(write_an_adapter PRIVATE dr_testing)
  foreach(name dictionary typed_upgrade)
    target_link_libraries(${name} PRIVATE dr_protobuf)
  endforeach()
  file(GLOB demo CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/dr_demo/*.cc")
  dr_add_program(dr_demo ${demo})
endif()

if(DR_BUILD_TOOLS)
  dr_require("drctl needs" ", or configure with -DDR_BUILD_TOOLS=OFF" CLI11:CLI11::libcli11-dev)
  file(GLOB drctl CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tools/drctl/*.cc")
  dr_add_program(drctl ${drctl})
  target_link_libraries(drctl PRIVATE dr_testing)
endif()

if(DR_BUILD_BENCH)
  # The peers it measures against; dr itself needs none of them. Servers are looked for when it runs.
  dr_require("dr_bench needs" ", or configure with -DDR_BUILD_BENCH=OFF"
    CLI11:CLI11::libcli11-dev :sqlite3::libsqlite3-dev :lmdb::liblmdb-dev :hiredis::libhiredis-dev :libpq::libpq-dev
    RocksDB:rocksdb::librocksdb-dev :libcurl::libcurl4-openssl-dev :libcrypto::libssl-dev
    :concurrentqueue/concurrentqueue.h::libconcurrentqueue-dev)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(dr_bench_peers REQUIRED IMPORTED_TARGET sqlite3 lmdb hiredis libpq libcurl libcrypto)
  file(GLOB bench CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/bench/*.cc" "${PROJECT_SOURCE_DIR}/bench/peers/*.cc")
  dr_add_program(dr_bench ${bench})
  target_include_directories(dr_bench SYSTEM PRIVATE ${dr_header_concurrentqueue_concurrentqueue_h})
  target_link_libraries(dr_bench PRIVATE PkgConfig::dr_bench_peers RocksDB::rocksdb-shared)
endif()
