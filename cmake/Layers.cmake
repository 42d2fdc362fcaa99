# Targets made from folders. Sources are found by name, so a new file needs no change here; an empty folder is fine.

set(LONGHAUL_EMPTY_SOURCE "${CMAKE_BINARY_DIR}/generated/empty.cc")
file(CONFIGURE OUTPUT "${LONGHAUL_EMPTY_SOURCE}" CONTENT "// For folders that hold no source yet.\n")

# What most sources include anyway, read once for each target. Each source still names all that it uses: the preset clang,
# by which every source is checked, does without, and so does release.
set(LONGHAUL_PRECOMPILED_HEADERS
    <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable> <cstdint> <deque> <functional> <map> <memory>
    <mutex> <optional> <span> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>)

# longhaul_precompile(<target> [<header>...]): as option LONGHAUL_PRECOMPILE says, the headers above and these.
function(longhaul_precompile target)
    if(LONGHAUL_PRECOMPILE)
        target_precompile_headers(${target} PRIVATE ${LONGHAUL_PRECOMPILED_HEADERS} ${ARGN})
        if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
            # Without the first, ccache cannot see what was read. The warnings are of copies in the standard library that cannot
            # happen: in a precompiled header GCC forgets that it is not ours. They are on where nothing is precompiled.
            target_compile_options(${target} PRIVATE -fpch-preprocess -Wno-array-bounds -Wno-stringop-overread
                                                     -Wno-stringop-overflow)
        endif()
    endif()
endfunction()

# longhaul_layer(<folder> [USES <layer>...] [PRIVATE <dependency>...] [EXCLUDE <file>...])
# The static library longhaul_<folder> of all .cc files under the folder, but for EXCLUDE. USES are layers whose headers
# ours may include; PRIVATE are libraries that must not show in our headers.
function(longhaul_layer folder)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "USES;PRIVATE;EXCLUDE")
    set(target longhaul_${folder})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
    list(TRANSFORM arg_EXCLUDE PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
    list(REMOVE_ITEM sources ${arg_EXCLUDE})
    if(NOT sources)
        set(sources "${LONGHAUL_EMPTY_SOURCE}")
    endif()
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}")
    target_link_libraries(${target} PUBLIC ${arg_USES} Threads::Threads PRIVATE longhaul_options ${arg_PRIVATE})
    longhaul_precompile(${target})
endfunction()

# longhaul_doctest_group(<group>): the executable longhaul_tests_<group> of all .cc files under tests/<group>. None, no
# target. Tests may look inside every layer and use every library. Each .cc file in tests/<group>/programs is a program of
# its own that the tests run; they find it as LONGHAUL_TEST_PROGRAMS "/longhaul_test_<name of the file>".
function(longhaul_doctest_group group)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${group}/*.cc")
    list(FILTER sources EXCLUDE REGEX "/programs/")
    if(NOT sources)
        return()
    endif()
    set(target longhaul_tests_${group})
    add_executable(${target} ${sources})
    target_link_libraries(${target} PRIVATE longhaul_options longhaul_test_support longhaul_doctest_main
                                            ${LONGHAUL_TEST_LIBRARIES})
    longhaul_precompile(${target} <doctest/doctest.h>)
    target_compile_definitions(${target} PRIVATE LONGHAUL_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                                 LONGHAUL_TEST_BINARY="${CMAKE_BINARY_DIR}/longhaul"
                                                 LONGHAUL_TEST_PROGRAMS="${CMAKE_BINARY_DIR}")
    if(TARGET longhaul)
        add_dependencies(${target} longhaul) # some tests start the server itself
    endif()
    file(GLOB programs CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${group}/programs/*.cc")
    foreach(source IN LISTS programs)
        get_filename_component(program "${source}" NAME_WE)
        add_executable(longhaul_test_${program} "${source}")
        target_link_libraries(longhaul_test_${program} PRIVATE longhaul_options longhaul_worker)
        add_dependencies(${target} longhaul_test_${program})
    endforeach()
    set_property(GLOBAL APPEND PROPERTY LONGHAUL_DOCTEST_GROUPS ${group})
endfunction()
