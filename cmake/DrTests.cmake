# tests/<room>/*_test.cc become one program <room>_test, each TEST_CASE a ctest test with the room as its label.
# A room with a CMakeLists.txt of its own is built by that instead, and calls dr_add_catch_tests where it wants to.
# Tests tagged [long] are left out of builds with a sanitizer; a fuzzing build has tests/fuzz and nothing else.

dr_require("The tests need" ", or configure with -DDR_BUILD_TESTS=OFF"
  "Catch2:catch2:2...<3:catch2" Protobuf:protobuf::libprotobuf-dev)
find_package(Protobuf REQUIRED)  # what components of tests are made of, and what dr's own writing is compared with
include("${Catch2_DIR}/Catch.cmake")

# The main is compiled without the precompiled headers, which need a source of their own to belong to.
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/test_headers.cc" CONTENT "")
add_library(dr_test_main STATIC
  "${PROJECT_SOURCE_DIR}/tests/support/catch_main.cc" "${PROJECT_BINARY_DIR}/generated/test_headers.cc")
dr_compile(dr_test_main)
dr_precompile(dr_test_main <catch2/catch.hpp>)
set_source_files_properties("${PROJECT_SOURCE_DIR}/tests/support/catch_main.cc" PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
target_link_libraries(dr_test_main PUBLIC
  dr dr_testing dr_adapters Catch2::Catch2 fmt::fmt)

# dr_add_catch_tests(<program> <label> <source>...)
function(dr_add_catch_tests program label)
  add_executable(${program} ${ARGN})
  dr_compile(${program})
  target_include_directories(${program} PRIVATE "${PROJECT_BINARY_DIR}/generated")
  target_precompile_headers(${program} REUSE_FROM dr_test_main)
  target_link_libraries(${program} PRIVATE dr_test_main)
  # NoTests: a name that CMake or Catch reads otherwise (a semicolon) would select nothing, and pass.
  if(DR_TEST_LABEL)
    catch_discover_tests(${program} EXTRA_ARGS -w NoTests TEST_SPEC "~[long]~[.]" TEST_PREFIX "${DR_TEST_LABEL}/${label}/"
      PROPERTIES LABELS ${DR_TEST_LABEL} TIMEOUT 900)
  else()
    catch_discover_tests(${program} EXTRA_ARGS -w NoTests TEST_PREFIX "${label}/" PROPERTIES LABELS ${label} TIMEOUT 900)
  endif()
endfunction()

if(DR_SANITIZE MATCHES "fuzzer")
  if(EXISTS "${PROJECT_SOURCE_DIR}/tests/fuzz/CMakeLists.txt")
    add_subdirectory("${PROJECT_SOURCE_DIR}/tests/fuzz" "${PROJECT_BINARY_DIR}/tests/fuzz")
  endif()
  return()
endif()

file(GLOB rooms CONFIGURE_DEPENDS LIST_DIRECTORIES true "${PROJECT_SOURCE_DIR}/tests/*")
foreach(folder IN LISTS rooms)
  cmake_path(GET folder FILENAME room)
  file(GLOB own_list CONFIGURE_DEPENDS "${folder}/CMakeLists.txt")
  file(GLOB sources CONFIGURE_DEPENDS "${folder}/*.cc")
  if(own_list)
    add_subdirectory("${folder}" "${PROJECT_BINARY_DIR}/tests/${room}")
  elseif(sources)
    dr_add_catch_tests(${room}_test ${room} ${sources})
  endif()
endforeach()

foreach(name IN LISTS dr_adapters)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/adapters/${name}/*_test.cc")
  if(sources)
    dr_add_catch_tests(adapter_${name}_test ${name} ${sources})
    target_link_libraries(adapter_${name}_test PRIVATE dr_${name})
  endif()
endforeach()
