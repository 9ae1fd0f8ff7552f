# How every target of the tree is compiled and linked: dr_compile(target) and dr_precompile(target).

# Each tool is used where it is present; none is needed.
if(PROJECT_IS_TOP_LEVEL)
  find_program(DR_CCACHE ccache)
  if(DR_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # Precompiled headers need the sloppiness; the base directory lets several checkouts share one cache.
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${DR_CCACHE})
  endif()
  find_program(DR_MOLD mold)
  if(DR_MOLD)
    add_link_options(-fuse-ld=mold)
  endif()
  if(DR_SANITIZE)
    add_compile_options(-fsanitize=${DR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${DR_SANITIZE})
    if(DR_SANITIZE MATCHES "undefined")
      add_compile_options(-fno-sanitize=vptr)  # looks through a pipe: a false alarm where a test has used up descriptors
    endif()
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      add_compile_options(-Wno-maybe-uninitialized)  # false alarms in instrumented code
    endif()
  endif()
endif()

function(dr_compile target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
  # The shared xxhash is 4 to 6 times slower. Everywhere, as a precompiled header fits only equal definitions.
  target_compile_definitions(${target} PRIVATE XXH_INLINE_ALL)
  # Assertions guard data, so they stay on in every build type; paths of the build machine do not get into objects.
  target_compile_options(${target} PRIVATE
    -UNDEBUG -Wall -Wextra -Wunused-result -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=
    $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overread>  # false alarms of g++ 12 about string_view
    $<$<BOOL:${DR_WERROR}>:-Werror>)
endfunction()

# Third-party headers only: a header of dr in here would rebuild everything whenever it changes.
function(dr_precompile target)
  target_precompile_headers(${target} PRIVATE
    <absl/status/status.h> <absl/status/statusor.h> <absl/time/time.h> <fmt/format.h>
    <algorithm> <atomic> <chrono> <cstdint> <deque> <functional> <map> <memory> <optional> <span> <string>
    <string_view> <thread> <unordered_map> <utility> <variant> <vector> ${ARGN})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()
