# dr::<name> for each adapters/<name>/ that is wanted and can be built, and dr::adapters, which defines
# dr::LinkedAdapters() with all of them.
#
# DR_ADAPTER_<NAME>: OFF skips the adapter; AUTO builds it where its libraries are present, ON fails where not.
# The adapter's CMakeLists.txt looks for its libraries, returns without a target where one is missing, and else calls
# dr_add_adapter(<name> LINK <target>... PACKAGES <package>... MODULES <module>...): LINK are its libraries; PACKAGES
# (CMake) and MODULES (pkg-config) are what a program that links the installed static adapter has to find.

function(dr_add_adapter name)
  cmake_parse_arguments(arg "" "" "LINK;PACKAGES;MODULES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  add_library(dr_${name} ${sources})
  add_library(dr::${name} ALIAS dr_${name})
  dr_compile(dr_${name})
  set_target_properties(dr_${name} PROPERTIES
    EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_precompile_headers(dr_${name} REUSE_FROM dr)
  target_include_directories(dr_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(dr_${name} PUBLIC dr PRIVATE fmt::fmt ${arg_LINK})
  set_property(GLOBAL APPEND PROPERTY dr_adapter_packages ${arg_PACKAGES})
  set_property(GLOBAL APPEND PROPERTY dr_adapter_modules ${arg_MODULES})
endfunction()

file(GLOB adapter_lists CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/adapters/*/CMakeLists.txt")
set(dr_adapters "")
set(DR_ADAPTER_INCLUDES "")
set(DR_ADAPTER_REGISTRATIONS "")
foreach(list_file IN LISTS adapter_lists)
  cmake_path(GET list_file PARENT_PATH folder)
  cmake_path(GET folder FILENAME name)
  string(TOUPPER ${name} upper)
  set(DR_ADAPTER_${upper} AUTO CACHE STRING "Build the ${name} adapter: AUTO, ON or OFF")
  set_property(CACHE DR_ADAPTER_${upper} PROPERTY STRINGS AUTO ON OFF)
  if(NOT DR_ADAPTER_${upper})
    continue()
  endif()
  add_subdirectory("${folder}" "${PROJECT_BINARY_DIR}/adapters/${name}")
  if(TARGET dr_${name})
    list(APPEND dr_adapters ${name})
    string(REPLACE "_" ";" words ${name})
    set(camel "")
    foreach(word IN LISTS words)
      string(SUBSTRING "${word}" 0 1 first)
      string(SUBSTRING "${word}" 1 -1 rest)
      string(TOUPPER "${first}" first)
      string(APPEND camel "${first}${rest}")
    endforeach()
    string(APPEND DR_ADAPTER_INCLUDES "#include \"dr/adapters/${name}.h\"\n")
    string(APPEND DR_ADAPTER_REGISTRATIONS "  static_cast<void>(Register${camel}(registry));  // each has a scheme of its own\n")
  elseif(DR_ADAPTER_${upper} STREQUAL "AUTO")
    message(STATUS "dr: without the ${name} adapter, its libraries are missing")
  else()
    message(FATAL_ERROR "DR_ADAPTER_${upper}=ON, but its libraries are missing; scripts/setup installs them")
  endif()
endforeach()

configure_file(cmake/linked_adapters.cc.in "${PROJECT_BINARY_DIR}/generated/linked_adapters.cc" @ONLY)
add_library(dr_adapters STATIC "${PROJECT_BINARY_DIR}/generated/linked_adapters.cc")
add_library(dr::adapters ALIAS dr_adapters)
dr_compile(dr_adapters)
set_target_properties(dr_adapters PROPERTIES EXPORT_NAME adapters POSITION_INDEPENDENT_CODE ON)
list(TRANSFORM dr_adapters PREPEND dr_ OUTPUT_VARIABLE dr_adapter_targets)
target_link_libraries(dr_adapters PUBLIC dr ${dr_adapter_targets})
