# cmake --install: drctl, headers, libraries, the CMake package `dr` with a component for each adapter, `adapters`,
# `protobuf` and `testing`, as many .pc files for pkg-config, and the pages.
#
# In parts (install components), as distributions package them: `libdr` is what programs run with, `libdr_dev` what they are
# compiled with, `tools` drctl, and for each adapter there are <name> and <name>_dev.

if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

include(CMakePackageConfigHelpers)
if(DR_DEBIAN AND NOT BUILD_SHARED_LIBS)
  # Beside the shared libraries, whose package for CMake and .pc files have the same names.
  foreach(folder LIBDIR FULL_LIBDIR)
    string(APPEND CMAKE_INSTALL_${folder} "/dr-static")
  endforeach()
endif()
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

# dr_install_library(<target> <component of CMake's package> <part>): the library, and what find_package says of it.
function(dr_install_library target export part)
  string(REGEX REPLACE "_dev$" "" runtime_part "${part}")
  install(TARGETS ${target} EXPORT ${export}
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT ${runtime_part} NAMELINK_COMPONENT ${part}
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT ${part})
  install(EXPORT ${export} NAMESPACE dr:: DESTINATION "${dr_package_dir}" FILE ${export}-targets.cmake COMPONENT ${part})
endfunction()

if(TARGET drctl)
  # It finds the libraries beside itself, wherever the tree is moved to.
  cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR BASE_DIRECTORY "${CMAKE_INSTALL_FULL_BINDIR}" OUTPUT_VARIABLE libraries)
  if(BUILD_SHARED_LIBS)
    set_target_properties(drctl PROPERTIES INSTALL_RPATH "$ORIGIN/${libraries}")
  endif()
  install(TARGETS drctl RUNTIME COMPONENT tools)
endif()
dr_install_library(dr dr libdr_dev)
install(DIRECTORY include/dr TYPE INCLUDE COMPONENT libdr_dev)
set(dr_components ${dr_adapters} adapters protobuf testing)
set(DR_COMPONENT_NEEDS "")
foreach(name IN LISTS dr_components)
  set(part_of_${name} libdr_dev)
  if(name IN_LIST dr_adapters OR name STREQUAL "adapters")
    set(part_of_${name} ${name}_dev)
  endif()
  dr_install_library(dr_${name} dr-${name} ${part_of_${name}})
  string(APPEND DR_COMPONENT_NEEDS "set(dr_needs_${name} ${dr_needs_${name}})\n")
endforeach()
foreach(name IN LISTS dr_adapters)
  install(DIRECTORY "adapters/${name}/include/dr" TYPE INCLUDE COMPONENT ${name}_dev)
endforeach()

# The pages lie to each other as they do in the tree, and so does include/, for their links.
install(FILES README.md CHANGELOG.md CONTRIBUTING.md LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT libdr_dev)
install(DIRECTORY docs examples DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT libdr_dev
  FILES_MATCHING PATTERN "*.md" PATTERN "*.cc" PATTERN "*.h")
foreach(page adapters/README.md src/ARCHITECTURE.md src/format/FORMAT.md tools/drctl/README.md)
  cmake_path(GET page PARENT_PATH folder)
  install(FILES ${page} DESTINATION "${CMAKE_INSTALL_DOCDIR}/${folder}" COMPONENT libdr_dev)
endforeach()
foreach(name IN LISTS dr_adapters)
  install(FILES adapters/${name}/README.md DESTINATION "${CMAKE_INSTALL_DOCDIR}/adapters/${name}" COMPONENT ${name}_dev)
endforeach()
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR BASE_DIRECTORY "${CMAKE_INSTALL_FULL_DOCDIR}"
  OUTPUT_VARIABLE to_include)
install(CODE "file(CREATE_LINK \"${to_include}\"
  \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DOCDIR}/include\" SYMBOLIC)" COMPONENT libdr_dev)

list(JOIN dr_needs " " DR_NEEDS)
list(JOIN dr_components " " DR_COMPONENTS)
configure_package_config_file(cmake/dr-config.cmake.in "${PROJECT_BINARY_DIR}/package/dr-config.cmake"
  INSTALL_DESTINATION "${dr_package_dir}" NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/dr-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/package/dr-config.cmake" "${PROJECT_BINARY_DIR}/package/dr-config-version.cmake"
  DESTINATION "${dr_package_dir}" COMPONENT libdr_dev)
install(FILES cmake/DrFind.cmake DESTINATION "${dr_package_dir}" RENAME dr-find.cmake COMPONENT libdr_dev)

# Relative to the .pc file, so that an installed tree can be moved.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
  BASE_DIRECTORY "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" OUTPUT_VARIABLE DR_PC_PREFIX)

# dr_install_module(<part> <name> <description> <flags> <libraries> <module or need>...): <name>.pc. What is needed stands in
# Requires and not in Requires.private, since without --static pkg-config would leave it out of a link with libdr.a.
function(dr_install_module part name DR_PC_DESCRIPTION DR_PC_FLAGS DR_PC_LIBS)
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
  install(FILES "${PROJECT_BINARY_DIR}/package/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
    COMPONENT ${part})
endfunction()

set(flags "-I\${includedir}")
get_target_property(definitions dr INTERFACE_COMPILE_DEFINITIONS)
foreach(definition IN LISTS definitions)
  if(definition MATCHES "^DR_")
    string(APPEND flags " -D${definition}")
  endif()
endforeach()
dr_install_module(libdr_dev dr "${PROJECT_DESCRIPTION}" "${flags}" "-ldr -pthread"
  absl_statusor absl_time absl_cord absl_any_invocable absl_function_ref ${dr_needs})
dr_install_module(libdr_dev dr-protobuf "dr with components of Protobuf messages" "" "" dr ${dr_needs_protobuf})
set(modules "")
foreach(name IN LISTS dr_adapters)
  dr_install_module(${name}_dev dr-${name} "The ${name} adapter of dr" "" "-ldr_${name}" dr ${dr_needs_${name}})
  list(APPEND modules dr-${name})
endforeach()
dr_install_module(adapters_dev dr-adapters "The adapters that this build of dr has, behind dr::LinkedAdapters()" "" "-ldr_adapters"
  dr ${modules})
