# cmake --install: drctl, headers, libraries, the CMake package `dr` with a component for each adapter, `adapters`,
# `protobuf` and `testing`, and as many .pc files for pkg-config.

if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

include(CMakePackageConfigHelpers)
set(dr_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/dr")

# Of what is linked statically, a program has to find the private libraries too.
set(dr_needs ${dr_public_needs})
if(NOT BUILD_SHARED_LIBS)
  list(APPEND dr_needs ${dr_private_needs})
endif()
set(dr_needs_adapters "")
foreach(name IN LISTS dr_adapters)
  set(dr_needs_${name} "")
  if(NOT BUILD_SHARED_LIBS)
    get_property(dr_needs_${name} GLOBAL PROPERTY dr_needs_${name})
  endif()
  list(APPEND dr_needs_adapters ${dr_needs_${name}})
endforeach()
set(dr_needs_protobuf Protobuf:protobuf::libprotobuf-dev)
set(dr_needs_testing fmt:fmt::libfmt-dev)

install(TARGETS dr EXPORT dr)
if(TARGET drctl)
  install(TARGETS drctl)
endif()
install(EXPORT dr NAMESPACE dr:: DESTINATION "${dr_package_dir}" FILE dr-targets.cmake)
install(DIRECTORY include/dr TYPE INCLUDE)
set(dr_components ${dr_adapters} adapters protobuf testing)
set(DR_COMPONENT_NEEDS "")
foreach(name IN LISTS dr_components)
  install(TARGETS dr_${name} EXPORT dr-${name})
  install(EXPORT dr-${name} NAMESPACE dr:: DESTINATION "${dr_package_dir}" FILE dr-${name}-targets.cmake)
  string(APPEND DR_COMPONENT_NEEDS "set(dr_needs_${name} ${dr_needs_${name}})\n")
endforeach()
foreach(name IN LISTS dr_adapters)
  install(DIRECTORY "adapters/${name}/include/dr" TYPE INCLUDE)
endforeach()

list(JOIN dr_needs " " DR_NEEDS)
list(JOIN dr_components " " DR_COMPONENTS)
configure_package_config_file(cmake/dr-config.cmake.in "${PROJECT_BINARY_DIR}/package/dr-config.cmake"
  INSTALL_DESTINATION "${dr_package_dir}" NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/dr-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/package/dr-config.cmake" "${PROJECT_BINARY_DIR}/package/dr-config-version.cmake"
  DESTINATION "${dr_package_dir}")
install(FILES cmake/DrFind.cmake DESTINATION "${dr_package_dir}" RENAME dr-find.cmake)

# Relative to the .pc file, so that an installed tree can be moved.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
  BASE_DIRECTORY "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" OUTPUT_VARIABLE DR_PC_PREFIX)

# dr_install_module(<name> <description> <flags> <libraries> <module or need>...): <name>.pc. What is needed stands in
# Requires and not in Requires.private, since without --static pkg-config would leave it out of a link with libdr.a.
function(dr_install_module name DR_PC_DESCRIPTION DR_PC_FLAGS DR_PC_LIBS)
  set(DR_PC_NAME "${name}")
  set(requires "")
  foreach(need IN LISTS ARGN)
    string(REGEX REPLACE "^[^:]*:([^:]+):([^:]+):.*$" "\\1 >= \\2" need "${need}")
    string(REGEX REPLACE "^[^:]*:([^:]+)::.*$" "\\1" need "${need}")
    list(APPEND requires "${need}")
  endforeach()
  list(REMOVE_DUPLICATES requires)
  list(JOIN requires ", " DR_PC_REQUIRES)
  configure_file(cmake/module.pc.in "${PROJECT_BINARY_DIR}/package/${name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/package/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()

set(flags "-I\${includedir}")
if(BUILD_SHARED_LIBS)
  string(APPEND flags " -DDR_SHARED")
endif()
dr_install_module(dr "${PROJECT_DESCRIPTION}" "${flags}" "-ldr -pthread"
  absl_statusor absl_time absl_cord absl_any_invocable absl_function_ref ${dr_needs})
dr_install_module(dr-protobuf "dr with components of Protobuf messages" "" "" dr ${dr_needs_protobuf})
set(modules "")
foreach(name IN LISTS dr_adapters)
  dr_install_module(dr-${name} "The ${name} adapter of dr" "" "-ldr_${name}" dr ${dr_needs_${name}})
  list(APPEND modules dr-${name})
endforeach()
dr_install_module(dr-adapters "The adapters that this build of dr has, behind dr::LinkedAdapters()" "" "-ldr_adapters"
  dr ${modules})
