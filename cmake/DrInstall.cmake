# cmake --install: drctl, headers, libraries, the CMake package `dr` with its component `testing`, and dr.pc and
# dr-adapters.pc for pkg-config.

if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

include(CMakePackageConfigHelpers)
set(dr_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/dr")

install(TARGETS dr dr_adapters ${dr_adapter_targets} EXPORT dr)
if(TARGET drctl)
  install(TARGETS drctl)
endif()
install(TARGETS dr_testing EXPORT dr-testing)
foreach(part dr dr-testing)
  install(EXPORT ${part} NAMESPACE dr:: DESTINATION "${dr_package_dir}" FILE ${part}-targets.cmake)
endforeach()
install(DIRECTORY include/dr TYPE INCLUDE)
foreach(name IN LISTS dr_adapters)
  install(DIRECTORY "adapters/${name}/include/dr" TYPE INCLUDE)
endforeach()

# What a program has to find beside dr: a static library needs its private libraries again at the final link.
set(public_packages absl Threads)
set(private_packages fmt Protobuf yaml-cpp)
set(public_modules absl_status absl_statusor absl_time absl_cord absl_any_invocable absl_function_ref)
set(private_modules fmt protobuf yaml-cpp)
get_property(adapter_packages GLOBAL PROPERTY dr_adapter_packages)
get_property(adapter_modules GLOBAL PROPERTY dr_adapter_modules)
if(BUILD_SHARED_LIBS)
  set(packages ${public_packages})
  set(modules ${public_modules})
  set(adapter_modules "")
else()
  set(packages ${public_packages} ${private_packages} ${adapter_packages})
  set(modules ${public_modules} ${private_modules})
endif()
list(REMOVE_DUPLICATES packages)
list(TRANSFORM packages REPLACE "(.+)" "find_dependency(\\1)")
list(JOIN packages "\n" DR_FIND_DEPENDENCIES)
list(JOIN modules " " DR_MODULES)
list(JOIN adapter_modules " " DR_ADAPTER_MODULES)
list(TRANSFORM dr_adapters PREPEND "-ldr_" OUTPUT_VARIABLE adapter_libs)
list(JOIN adapter_libs " " DR_ADAPTER_LIBS)

configure_package_config_file(cmake/dr-config.cmake.in "${PROJECT_BINARY_DIR}/package/dr-config.cmake"
  INSTALL_DESTINATION "${dr_package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/dr-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/package/dr-config.cmake" "${PROJECT_BINARY_DIR}/package/dr-config-version.cmake"
  DESTINATION "${dr_package_dir}")

# Relative to the .pc file, so that an installed tree can be moved.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
  BASE_DIRECTORY "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" OUTPUT_VARIABLE DR_PC_PREFIX)
foreach(module dr dr-adapters)
  configure_file(cmake/${module}.pc.in "${PROJECT_BINARY_DIR}/package/${module}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/package/${module}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
