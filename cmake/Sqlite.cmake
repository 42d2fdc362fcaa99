# SQLite 3.51.3 or newer (older ones can corrupt a database when its write-ahead log is reset), linked statically.

longhaul_find_header(NAME SQLite HEADER sqlite3.h MACRO SQLITE_VERSION WANTED 3.51.3
                     VARIABLE LONGHAUL_SQLITE_INCLUDE_DIR)

# The archive must belong to the header: it is looked for beside it first.
cmake_path(GET LONGHAUL_SQLITE_INCLUDE_DIR PARENT_PATH longhaul_sqlite_prefix)
find_library(LONGHAUL_SQLITE_LIBRARY NAMES libsqlite3.a HINTS "${longhaul_sqlite_prefix}" PATH_SUFFIXES lib
             DOC "Static library of SQLite, of the same version as its header")
if(NOT LONGHAUL_SQLITE_LIBRARY)
    message(FATAL_ERROR "SQLite's static library is missing: no libsqlite3.a beside "
                        "${LONGHAUL_SQLITE_INCLUDE_DIR}/sqlite3.h or in the system's folders. "
                        "Run scripts/setup, or pass -DLONGHAUL_SQLITE_LIBRARY=<path of libsqlite3.a>.")
endif()

longhaul_dependency(sqlite)
target_include_directories(longhaul_sqlite SYSTEM INTERFACE "${LONGHAUL_SQLITE_INCLUDE_DIR}")
target_link_libraries(longhaul_sqlite INTERFACE "${LONGHAUL_SQLITE_LIBRARY}" Threads::Threads ${CMAKE_DL_LIBS} m)
