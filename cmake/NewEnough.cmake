# For libraries that distributions often have too old: looks a header up, reads its version, and stops the configure
# step with a sentence that says what was found, what is wanted and what to do.

set(LONGHAUL_DEPS_PREFIX "/opt/longhaul-deps" CACHE PATH "Where scripts/setup puts what the distribution has too old")
if(DEFINED ENV{LONGHAUL_DEPS_PREFIX} AND NOT "$ENV{LONGHAUL_DEPS_PREFIX}" STREQUAL "")
    set(LONGHAUL_DEPS_PREFIX "$ENV{LONGHAUL_DEPS_PREFIX}" CACHE PATH "" FORCE)
endif()

# longhaul_header_version(out HEADER MACRO): the quoted version that HEADER gives MACRO, or "unknown".
function(longhaul_header_version out header macro)
    set(version "unknown")
    file(STRINGS "${header}" lines REGEX "^#define[ \t]+${macro}[ \t]+\"" LIMIT_COUNT 1)
    if(lines MATCHES "\"([0-9.]+)\"")
        set(version "${CMAKE_MATCH_1}")
    endif()
    set(${out} "${version}" PARENT_SCOPE)
endfunction()

# longhaul_find_header(NAME display-name HEADER file MACRO version-macro WANTED version VARIABLE cache-variable)
# Sets <VARIABLE> (the folder of the header) and <VARIABLE>_VERSION.
function(longhaul_find_header)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;HEADER;MACRO;WANTED;VARIABLE" "")
    find_path(${arg_VARIABLE} "${arg_HEADER}"
              HINTS ${CMAKE_PREFIX_PATH} "${LONGHAUL_DEPS_PREFIX}" PATH_SUFFIXES include
              DOC "Folder of ${arg_HEADER} (${arg_NAME} ${arg_WANTED} or newer)")
    set(advice "Run scripts/setup, or pass -D${arg_VARIABLE}=<folder of a newer ${arg_HEADER}>.")
    if(NOT ${arg_VARIABLE})
        message(FATAL_ERROR "${arg_NAME} is missing: no ${arg_HEADER} in ${LONGHAUL_DEPS_PREFIX}/include or in the "
                            "system's folders. longhaul needs version ${arg_WANTED} or newer. ${advice}")
    endif()
    set(header "${${arg_VARIABLE}}/${arg_HEADER}")
    if(NOT EXISTS "${header}")
        set(gone "${${arg_VARIABLE}}")
        unset(${arg_VARIABLE} CACHE)
        message(FATAL_ERROR "${arg_NAME}: there is no ${arg_HEADER} in ${gone}. ${advice}")
    endif()
    longhaul_header_version(version "${header}" "${arg_MACRO}")
    if(version STREQUAL "unknown" OR version VERSION_LESS arg_WANTED)
        unset(${arg_VARIABLE} CACHE) # so that the next configure step looks again
        message(FATAL_ERROR "${arg_NAME} is too old: ${header} is version ${version}, longhaul needs ${arg_WANTED} or "
                            "newer. ${advice}")
    endif()
    message(STATUS "${arg_NAME} ${version} (${header})")
    set(${arg_VARIABLE}_VERSION "${version}" PARENT_SCOPE)
endfunction()
