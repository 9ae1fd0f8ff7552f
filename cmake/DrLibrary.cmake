# dr::dr from src/<room>/*.cc, and dr::testing from src/testing/*.cc.

set(dr_public_needs absl:absl_status::libabsl-dev)
set(dr_private_needs fmt:fmt::libfmt-dev yaml-cpp:yaml-cpp::libyaml-cpp-dev OpenSSL:libcrypto:3.0:libssl-dev)
dr_require("dr needs" "" ${dr_public_needs} ${dr_private_needs} :xxhash.h::libxxhash-dev)
find_package(Threads REQUIRED)

file(GLOB_RECURSE dr_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.cc")
set(dr_testing_sources ${dr_sources})
list(FILTER dr_sources EXCLUDE REGEX "/src/testing/")
list(FILTER dr_testing_sources INCLUDE REGEX "/src/testing/")

add_library(dr ${dr_sources})
add_library(dr::dr ALIAS dr)
dr_compile(dr)
dr_precompile(dr)
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
if(BUILD_SHARED_LIBS)
  target_compile_definitions(dr PUBLIC DR_SHARED)
endif()
# What dr/compiler.h asks: a sanitizer that follows every access needs a dr that was compiled for it too.
get_directory_property(dr_flags COMPILE_OPTIONS)
string(TOUPPER "CMAKE_CXX_FLAGS_${CMAKE_BUILD_TYPE}" build_type_flags)
string(APPEND dr_flags " ${CMAKE_CXX_FLAGS} ${${build_type_flags}}")
foreach(kind thread memory)
  if(dr_flags MATCHES "-fsanitize=[a-z,-]*${kind}")
    string(TOUPPER "DR_SANITIZED_${kind}" definition)
    target_compile_definitions(dr PUBLIC ${definition})
  endif()
endforeach()
target_link_libraries(dr
  PUBLIC absl::status absl::statusor absl::time absl::cord absl::any_invocable absl::function_ref absl::core_headers
         Threads::Threads
  PRIVATE fmt::fmt yaml-cpp OpenSSL::Crypto)

# For components of Protobuf messages (dr/proto_component.h). Whoever links it finds Protobuf.
add_library(dr_protobuf INTERFACE)
add_library(dr::protobuf ALIAS dr_protobuf)
set_target_properties(dr_protobuf PROPERTIES EXPORT_NAME protobuf)
target_link_libraries(dr_protobuf INTERFACE dr protobuf::libprotobuf)

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
