# Every library from outside, each behind one target of ours, so that a folder's CMakeLists.txt reads as the list of
# what that folder may use. Libraries are found on the machine, never fetched and never kept in this repository.

include(NewEnough)

find_package(Threads REQUIRED)

function(longhaul_dependency name)
    add_library(longhaul_${name} INTERFACE)
    add_library(longhaul::${name} ALIAS longhaul_${name})
endfunction()

function(longhaul_require_package package)
    find_package(${package} QUIET ${ARGN})
    if(NOT ${package}_FOUND)
        message(FATAL_ERROR "${package} is missing. Run scripts/setup, or install its development package.")
    endif()
    message(STATUS "${package} ${${package}_VERSION}")
endfunction()

longhaul_require_package(nlohmann_json)
longhaul_dependency(json)
target_link_libraries(longhaul_json INTERFACE nlohmann_json::nlohmann_json)

# spdlog is compiled into its one user, so that the binary asks its machine for no log library.
longhaul_require_package(fmt)
longhaul_require_package(spdlog)
longhaul_dependency(log)
target_link_libraries(longhaul_log INTERFACE fmt::fmt-header-only)
target_compile_definitions(longhaul_log INTERFACE SPDLOG_FMT_EXTERNAL)
get_target_property(longhaul_spdlog_include spdlog::spdlog_header_only INTERFACE_INCLUDE_DIRECTORIES)
target_include_directories(longhaul_log SYSTEM INTERFACE ${longhaul_spdlog_include})

longhaul_require_package(OpenSSL COMPONENTS Crypto)
longhaul_dependency(crypto)
target_link_libraries(longhaul_crypto INTERFACE OpenSSL::Crypto)

longhaul_require_package(CURL)
longhaul_dependency(curl)
target_link_libraries(longhaul_curl INTERFACE CURL::libcurl)

find_path(LONGHAUL_WSLAY_INCLUDE_DIR "wslay/wslay.h" DOC "Folder that holds wslay/")
find_library(LONGHAUL_WSLAY_LIBRARY NAMES wslay DOC "libwslay: frames of WebSockets")
if(NOT LONGHAUL_WSLAY_INCLUDE_DIR OR NOT LONGHAUL_WSLAY_LIBRARY)
    message(FATAL_ERROR "libwslay is missing. Run scripts/setup, or install its development package.")
endif()
longhaul_dependency(wslay)
target_include_directories(longhaul_wslay SYSTEM INTERFACE "${LONGHAUL_WSLAY_INCLUDE_DIR}")
target_link_libraries(longhaul_wslay INTERFACE "${LONGHAUL_WSLAY_LIBRARY}")

# Of prometheus-cpp only the core; its package would also ask for the libraries of the parts that we do without.
find_path(LONGHAUL_PROMETHEUS_INCLUDE_DIR "prometheus/text_serializer.h" DOC "Folder that holds prometheus/")
find_library(LONGHAUL_PROMETHEUS_LIBRARY NAMES prometheus-cpp-core DOC "prometheus-cpp's core library")
if(NOT LONGHAUL_PROMETHEUS_INCLUDE_DIR OR NOT LONGHAUL_PROMETHEUS_LIBRARY)
    message(FATAL_ERROR "prometheus-cpp is missing. Run scripts/setup, or install its development package.")
endif()
longhaul_dependency(prometheus)
target_include_directories(longhaul_prometheus SYSTEM INTERFACE "${LONGHAUL_PROMETHEUS_INCLUDE_DIR}")
target_link_libraries(longhaul_prometheus INTERFACE "${LONGHAUL_PROMETHEUS_LIBRARY}" Threads::Threads)

longhaul_require_package(CLI11)
longhaul_dependency(cli)
target_link_libraries(longhaul_cli INTERFACE CLI11::CLI11)

# toml++ is used header-only: its shared library exists on few machines.
find_path(LONGHAUL_TOML_INCLUDE_DIR "toml++/toml.h" DOC "Folder that holds toml++/toml.h")
if(NOT LONGHAUL_TOML_INCLUDE_DIR)
    message(FATAL_ERROR "toml++ is missing. Run scripts/setup, or pass -DLONGHAUL_TOML_INCLUDE_DIR=<folder>.")
endif()
longhaul_dependency(toml)
target_include_directories(longhaul_toml SYSTEM INTERFACE "${LONGHAUL_TOML_INCLUDE_DIR}")
target_compile_definitions(longhaul_toml INTERFACE TOML_HEADER_ONLY=1 TOML_EXCEPTIONS=1)

# For the server as a whole, whose threads free what others have made: the system's allocator takes a fifth more of all
# work there. Linked into the binary where there is a static one, which is named apart if it is fit for that.
longhaul_dependency(allocator)
if(LONGHAUL_JEMALLOC AND NOT LONGHAUL_SANITIZE)
    find_library(LONGHAUL_JEMALLOC_LIBRARY NAMES libjemalloc_pic.a libjemalloc.so jemalloc
                 DOC "jemalloc, the allocator of the server")
    if(NOT LONGHAUL_JEMALLOC_LIBRARY)
        message(FATAL_ERROR "jemalloc is missing. Run scripts/setup, install its development package, or pass "
                            "-DLONGHAUL_JEMALLOC=OFF for the system's allocator, which is slower.")
    endif()
    message(STATUS "jemalloc (${LONGHAUL_JEMALLOC_LIBRARY})")
    target_link_libraries(longhaul_allocator INTERFACE "${LONGHAUL_JEMALLOC_LIBRARY}" Threads::Threads ${CMAKE_DL_LIBS})
endif()

if(LONGHAUL_TESTS)
    longhaul_require_package(doctest)
    longhaul_dependency(doctest)
    target_link_libraries(longhaul_doctest INTERFACE doctest::doctest)
endif()

include(Sqlite)
include(Httplib)
