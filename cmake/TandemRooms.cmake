# What every room is built with, and the two functions that declare rooms and their tests.

add_library(tandem_options INTERFACE)
target_compile_options(tandem_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor
  -Wold-style-cast -Wnull-dereference -Wimplicit-fallthrough -Werror
  -Wno-missing-field-initializers)  # designated initializers leave out what has a default
# Profilers and sanitizers walk frames; a release spends the register on its work.
target_compile_options(tandem_options INTERFACE $<$<NOT:$<CONFIG:Release>>:-fno-omit-frame-pointer>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # std::stable_sort of libstdc++ 12 calls what libstdc++ 12 has deprecated.
  target_compile_options(tandem_options INTERFACE -Wno-deprecated-declarations)
endif()
target_include_directories(tandem_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
if(TANDEM_SANITIZE)
  # Checks of the vptr open a pipe to look at memory: without descriptors they see errors everywhere.
  # -Wnull-dereference and -Wmaybe-uninitialized report false paths through sanitizer instrumentation.
  target_compile_options(tandem_options INTERFACE
    -fsanitize=${TANDEM_SANITIZE} -fno-sanitize-recover=all -fno-sanitize=vptr
    -Wno-null-dereference $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(tandem_options INTERFACE -fsanitize=${TANDEM_SANITIZE})
endif()

# tandem_room(<folder> SOURCES … [USES <folder or target> …])
# One library for each room. USES names what its headers and sources may include: other rooms by
# folder (lb/http), third parties by CMake target. scripts/layers checks the includes against it.
function(tandem_room folder)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES" ${ARGN})
  string(REPLACE "/" "_" name "tandem_${folder}")
  add_library(${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(${name} PUBLIC tandem_options)
  foreach(use IN LISTS ROOM_USES)
    if(IS_DIRECTORY ${CMAKE_SOURCE_DIR}/${use})
      string(REPLACE "/" "_" use "tandem_${use}")
    endif()
    target_link_libraries(${name} PUBLIC ${use})
  endforeach()
endfunction()
