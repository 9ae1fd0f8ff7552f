# Programs: examples/*.cc (one each, run by ctest), examples/dr_demo/*.cc, bench/*.cc, tools/drctl/*.cc.

function(dr_add_program name)
  if(NOT ARGN)
    return()
  endif()
  add_executable(${name} ${ARGN})
  dr_compile(${name})
  target_link_libraries(${name} PRIVATE dr $<TARGET_NAME_IF_EXISTS:dr_adapters> fmt::fmt protobuf::libprotobuf)
endfunction()

if(DR_BUILD_EXAMPLES)
  file(GLOB examples CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/*.cc")
  foreach(source IN LISTS examples)
    cmake_path(GET source STEM name)
    dr_add_program(${name} "${source}")
    add_test(NAME "example: ${name}"
      COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:${name}> -P "${PROJECT_SOURCE_DIR}/cmake/run_example.cmake")
    set_tests_properties("example: ${name}" PROPERTIES LABELS example TIMEOUT 120)
  endforeach()
  file(GLOB demo CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/dr_demo/*.cc")
  dr_add_program(dr_demo ${demo})
endif()

if(DR_BUILD_TOOLS)
  file(GLOB drctl CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tools/drctl/*.cc")
  dr_add_program(drctl ${drctl})
endif()
