# How our own code is compiled. Everything hangs on the interface target longhaul_options, which our libraries and
# executables link; third-party headers come in as system headers and are not held to our warnings.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
set(THREADS_PREFER_PTHREAD_FLAG ON)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Kind of build" FORCE)
endif()

# Continuous integration turns warnings into errors; somebody with a newer compiler is not stopped by its new warnings.
set(longhaul_werror_default OFF)
if(DEFINED ENV{CI} AND NOT "$ENV{CI}" STREQUAL "" AND NOT "$ENV{CI}" STREQUAL "false")
    set(longhaul_werror_default ON)
endif()

option(LONGHAUL_WERROR "Treat warnings in our own code as errors" ${longhaul_werror_default})
option(LONGHAUL_TESTS "Build the tests and benchmarks" ON)
option(LONGHAUL_PRECOMPILE "Read the standard library's headers once for each target, not for each source" ON)
option(LONGHAUL_LTO "Link-time optimisation" OFF)
option(LONGHAUL_ASSERTIONS "The standard library's own checks (_GLIBCXX_ASSERTIONS)" ON)
option(LONGHAUL_JEMALLOC "Allocate memory by jemalloc; OFF, and always under a sanitizer: by the system's allocator" ON)
set(LONGHAUL_SANITIZE "" CACHE STRING "Sanitizers: empty, address or thread")
set_property(CACHE LONGHAUL_SANITIZE PROPERTY STRINGS "" address thread)
# A test is compiled as often as it is run: what makes it quick to compile counts as much as its speed.
set(LONGHAUL_TEST_FLAGS "" CACHE STRING "Compiler flags, a list, of the tests' own sources, behind all others")

find_program(LONGHAUL_CCACHE ccache)
mark_as_advanced(LONGHAUL_CCACHE)
if(LONGHAUL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_C_COMPILER_LAUNCHER "${LONGHAUL_CCACHE}")
    # What ccache asks for before it keeps what was compiled with a precompiled header.
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros
                                    "${LONGHAUL_CCACHE}")
endif()

add_library(longhaul_options INTERFACE)
target_compile_definitions(longhaul_options INTERFACE LONGHAUL_VERSION="${PROJECT_VERSION}")
target_compile_options(longhaul_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor
                                                  -Woverloaded-virtual)

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # The lock annotations of base/mutex.h are checked by clang only; there they are always errors.
    target_compile_options(longhaul_options INTERFACE -Wthread-safety -Werror=thread-safety)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC bug 105651: optimised std::string concatenation is reported as overlapping copies.
    target_compile_options(longhaul_options INTERFACE -Wno-restrict)
endif()

if(LONGHAUL_WERROR)
    target_compile_options(longhaul_options INTERFACE -Werror)
endif()

if(LONGHAUL_ASSERTIONS)
    target_compile_definitions(longhaul_options INTERFACE _GLIBCXX_ASSERTIONS)
endif()

if(LONGHAUL_SANITIZE STREQUAL "address")
    # Three checks of each single access are left out, for a third of all time to compile: of the null pointer and of the
    # object's size, for the address sanitizer stops at both anyway, and of alignment: what this code reads of bytes, it copies.
    set(longhaul_sanitizer_flags -fsanitize=address,undefined -fno-sanitize=null,object-size,alignment
                                 -fno-sanitize-recover=all -fno-omit-frame-pointer)
elseif(LONGHAUL_SANITIZE STREQUAL "thread")
    set(longhaul_sanitizer_flags -fsanitize=thread -fno-omit-frame-pointer)
elseif(LONGHAUL_SANITIZE)
    message(FATAL_ERROR "LONGHAUL_SANITIZE is '${LONGHAUL_SANITIZE}'; it may be empty, 'address' or 'thread'.")
endif()
if(LONGHAUL_SANITIZE)
    # For every target, so that third-party code compiled here is watched too.
    add_compile_options(${longhaul_sanitizer_flags})
    add_link_options(${longhaul_sanitizer_flags})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # Instrumented code confuses GCC's flow analysis.
        target_compile_options(longhaul_options INTERFACE -Wno-maybe-uninitialized)
    endif()
else()
    target_compile_options(longhaul_options INTERFACE -fstack-protector-strong)
    target_compile_options(longhaul_options INTERFACE $<$<CONFIG:Release>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
endif()

if(LONGHAUL_LTO)
    include(CheckIPOSupported)
    check_ipo_supported()
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()
