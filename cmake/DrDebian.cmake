# Debian packages of two builds, one with the shared libraries and one, static beside it, with libdr.a and drctl:
# libdr<minor>, libdr-dev, dr-tools, and for each adapter libdr-<name><minor> (with a hyphen behind a name that ends in a
# number) and libdr-<name>-dev. scripts/package runs CPack in the shared one.

set(minor "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
set(same "(= ${PROJECT_VERSION})")
cmake_path(GET PROJECT_BINARY_DIR PARENT_PATH builds)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The dr authors <dr@example.org>" CACHE STRING "Maintainer of the Debian packages")
set(CPACK_PACKAGING_INSTALL_PREFIX "${CMAKE_INSTALL_PREFIX}")
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# Of other packages' libraries dpkg-shlibdeps knows; our own are in none yet when it looks.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${PROJECT_BINARY_DIR}")
# What CPACK_COMPONENTS_SHARED and _STATIC name is taken from each build.
set(CPACK_INSTALL_CMAKE_PROJECTS
  "${builds}/debian-shared" dr shared / "${builds}/debian-static" dr static /)
set(CPACK_COMPONENTS_ALL "")

# dr_debian(<part> <package> <section> <depends> <description> <build>...): `part` of these builds is this package.
macro(dr_debian part package section depends description)
  string(TOUPPER ${part} upper)
  list(APPEND CPACK_COMPONENTS_ALL ${part})
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${package})
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
  set(CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS "${depends}")
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "${description}")
  foreach(build ${ARGN})
    string(TOUPPER ${build} upper)
    list(APPEND CPACK_COMPONENTS_${upper} ${part})
  endforeach()
  install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/${package}" RENAME copyright COMPONENT ${part})
endmacro()

# What a static library needs of others is found by who links it: its packages, as the needs name them.
function(dr_debian_needs result)
  set(packages "")
  foreach(need IN LISTS ARGN)
    string(REGEX MATCH "^[^:]*:[^:]*:([^:]*):(.*)$" need "${need}")
    set(package "${CMAKE_MATCH_2}")
    if(CMAKE_MATCH_1)
      string(APPEND package " (>= ${CMAKE_MATCH_1})")
    endif()
    list(APPEND packages "${package}")
  endforeach()
  list(REMOVE_DUPLICATES packages)
  list(JOIN packages ", " packages)
  set(${result} "${packages}" PARENT_SCOPE)
endfunction()

set(about "Durable state for agent runtimes")
dr_debian_needs(needs ${dr_public_needs} ${dr_private_needs})
dr_debian(libdr libdr${minor} libs "" "${about}: shared library\n dr logs every change of a component before the change counts,\
 takes checkpoints while the work goes on, and after a crash gives back what was acknowledged." shared)
dr_debian(libdr_dev libdr-dev libdevel "libdr${minor} ${same}, ${needs}"
  "${about}: headers, static library and pages\n The static library is in dr-static beside the shared one, with a package for\
 CMake and .pc files of its own." shared static)
set(CPACK_DEBIAN_LIBDR_DEV_PACKAGE_SUGGESTS libprotobuf-dev)
dr_debian(tools dr-tools utils "" "${about}: drctl\n It looks into a host's directory and tries stores." static)
set(packages "libdr-dev ${same}")
foreach(name IN LISTS dr_adapters)
  get_property(needs GLOBAL PROPERTY dr_needs_${name})
  dr_debian_needs(needs ${needs})
  if(needs)
    string(PREPEND needs ", ")
  endif()
  string(REGEX REPLACE "[0-9]$" "\\0-" library "libdr-${name}")
  string(APPEND library "${minor}")
  dr_debian(${name} ${library} libs "libdr${minor} ${same}" "${about}: the ${name} store" shared)
  dr_debian(${name}_dev libdr-${name}-dev libdevel "${library} ${same}, libdr-dev ${same}${needs}"
    "${about}: the ${name} store, to compile with" shared static)
  string(APPEND packages ", libdr-${name}-dev ${same}")
endforeach()
dr_debian(adapters_dev libdr-adapters-dev libdevel "${packages}"
  "${about}: all stores behind one call, to compile with" shared static)

set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)  # of every package that has a library
foreach(part IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${part} upper)
  if(NOT part MATCHES "_dev$")
    set(CPACK_DEBIAN_${upper}_PACKAGE_SHLIBDEPS ON)
  endif()
endforeach()
include(CPack)
