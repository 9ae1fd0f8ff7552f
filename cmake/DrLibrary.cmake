# dr::dr from src/<room>/*.cc, and dr::testing from src/testing/*.cc.

find_package(absl REQUIRED)
find_package(fmt REQUIRED)
find_package(Protobuf REQUIRED)
find_package(Threads REQUIRED)
find_package(yaml-cpp REQUIRED)

file(GLOB_RECURSE dr_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.cc")
set(dr_testing_sources ${dr_sources})
list(FILTER dr_sources EXCLUDE REGEX "/src/testing/")
list(FILTER dr_testing_sources INCLUDE REGEX "/src/testing/")

add_library(dr ${dr_sources})
add_library(dr::dr ALIAS dr)
dr_compile(dr)
dr_precompile(dr)
# The same flags for static and shared, so that a compiler cache serves both.
set_target_properties(dr PROPERTIES
  POSITION_INDEPENDENT_CODE ON DEFINE_SYMBOL ""
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_include_directories(dr PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_source_files_properties("${PROJECT_SOURCE_DIR}/src/base/version.cc" PROPERTIES
  COMPILE_DEFINITIONS DR_VERSION="${PROJECT_VERSION}")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set_source_files_properties("${PROJECT_SOURCE_DIR}/src/format/hash_avx2.cc" PROPERTIES
    SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS "-mavx2")
endif()
target_link_libraries(dr
  PUBLIC absl::status absl::statusor absl::time absl::cord absl::any_invocable absl::function_ref absl::core_headers
         Threads::Threads
  PRIVATE fmt::fmt protobuf::libprotobuf yaml-cpp)

# Generated headers are included as "src/format/<name>.pb.h" and never leave the build tree.
file(GLOB dr_protos CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/format/*.proto")
set(dr_generated "${PROJECT_BINARY_DIR}/generated")
foreach(proto IN LISTS dr_protos)
  cmake_path(RELATIVE_PATH proto BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE name)
  cmake_path(REPLACE_EXTENSION name LAST_ONLY pb OUTPUT_VARIABLE stem)
  add_custom_command(
    OUTPUT "${dr_generated}/${stem}.cc" "${dr_generated}/${stem}.h"
    COMMAND ${CMAKE_COMMAND} -E make_directory "${dr_generated}"
    COMMAND protobuf::protoc "--proto_path=${PROJECT_SOURCE_DIR}" "--cpp_out=${dr_generated}" "${name}"
    DEPENDS "${proto}" VERBATIM)
  target_sources(dr PRIVATE "${dr_generated}/${stem}.cc" "${dr_generated}/${stem}.h")
  set_source_files_properties("${dr_generated}/${stem}.cc" PROPERTIES
    SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS "-w")
endforeach()
target_include_directories(dr PRIVATE "${dr_generated}")

add_library(dr_testing STATIC ${dr_testing_sources})
add_library(dr::testing ALIAS dr_testing)
dr_compile(dr_testing)
# Installed with the rest; a part of another's tree has it built when something links it.
set_target_properties(dr_testing PROPERTIES EXPORT_NAME testing POSITION_INDEPENDENT_CODE ON)
if(NOT PROJECT_IS_TOP_LEVEL)
  set_target_properties(dr_testing PROPERTIES EXCLUDE_FROM_ALL ON)
endif()
target_precompile_headers(dr_testing REUSE_FROM dr)
target_link_libraries(dr_testing PUBLIC dr PRIVATE fmt::fmt)
