# add_layer(<folder> [LINK <targets>...]): the static library of one folder of
# src/. Every .cc in the folder belongs to it.
function(add_layer name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${name} PUBLIC ${ARG_LINK} Threads::Threads)
  target_compile_definitions(${name} PRIVATE DOLIBARR_BACKUP_VERSION="${PROJECT_VERSION}")
endfunction()

# add_suite(<name> SOURCES <files>... LINK <targets>... [LABELS ...]): one test
# binary, registered with ctest as one test; GoogleTest reports the cases. COST,
# its seconds if they are many: the longest start first.
function(add_suite name)
  cmake_parse_arguments(ARG "" "TIMEOUT;COST" "SOURCES;LINK;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  if(NOT ARG_COST)
    set(ARG_COST 1)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
                       COST ${ARG_COST})
endfunction()
