# cpp-httplib 0.41 or newer (older ones have known holes), and the one place where its compile-time limits are set.
#
# Our transport checks every request before cpp-httplib sees it, by the limits in api/limits.h. cpp-httplib's own limits
# are therefore raised out of the way here: were one of them lower than ours, it would answer in words that are not ours.
# TLS and compression support stay off: no CPPHTTPLIB_*_SUPPORT is defined.
#
# The header is 20 thousand lines, most of them definitions, and costs each source that includes it 12 seconds. Upstream
# marks the border between declarations and definitions for those who want them apart (its split.py); we split there at
# configure time, compile the definitions once, and pay 1.6 seconds for each source. A consequence: names that upstream
# declares only below the border (most of httplib::detail) are not visible to us.

include(WriteIfChanged)

longhaul_find_header(NAME cpp-httplib HEADER httplib.h MACRO CPPHTTPLIB_VERSION WANTED 0.41.0
                     VARIABLE LONGHAUL_HTTPLIB_INCLUDE_DIR)

# Distributions ship a header that only declares, beside a shared library which was compiled with the default limits.
file(STRINGS "${LONGHAUL_HTTPLIB_INCLUDE_DIR}/httplib.h" longhaul_httplib_body REGEX "Server::process_request\\("
     LIMIT_COUNT 1)
if(NOT longhaul_httplib_body)
    set(longhaul_httplib_unfit "${LONGHAUL_HTTPLIB_INCLUDE_DIR}/httplib.h")
    unset(LONGHAUL_HTTPLIB_INCLUDE_DIR CACHE)
    message(FATAL_ERROR "${longhaul_httplib_unfit} only declares cpp-httplib and would ignore our limits; the complete "
                        "header is needed. Run scripts/setup, or pass -DLONGHAUL_HTTPLIB_INCLUDE_DIR=<its folder>.")
endif()

# Splits <source> into <folder>/httplib.h and <folder>/httplib.cc. Sets <out> to TRUE, or to FALSE if the header does not
# have exactly one marked stretch of definitions.
function(longhaul_split_httplib out source folder)
    set(${out} FALSE PARENT_SCOPE)
    string(REPEAT "-" 76 dashes)
    set(border "\n// ${dashes}\n")
    string(LENGTH "${border}" border_length)
    file(READ "${source}" text)
    string(FIND "${text}" "${border}" first)
    string(FIND "${text}" "${border}" last REVERSE)
    if(first EQUAL -1 OR first EQUAL last)
        return()
    endif()
    math(EXPR body_begin "${first} + ${border_length}")
    math(EXPR body_length "${last} - ${body_begin}")
    math(EXPR rest_begin "${last} + ${border_length}")
    string(SUBSTRING "${text}" 0 ${first} declarations)
    string(SUBSTRING "${text}" ${body_begin} ${body_length} definitions)
    string(SUBSTRING "${text}" ${rest_begin} -1 rest)
    if(definitions MATCHES "${border}")
        return()
    endif()
    string(REPLACE "inline " "" definitions "${definitions}")
    longhaul_write_if_changed("${folder}/httplib.h" "${declarations}\n${rest}")
    longhaul_write_if_changed("${folder}/httplib.cc"
                              "#include \"httplib.h\"\nnamespace httplib {\n${definitions}\n}\n")
    set(${out} TRUE PARENT_SCOPE)
endfunction()

set(longhaul_httplib_whole "${LONGHAUL_HTTPLIB_INCLUDE_DIR}/httplib.h")
set(longhaul_httplib_folder "${CMAKE_BINARY_DIR}/generated/httplib")
set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${longhaul_httplib_whole}")
longhaul_split_httplib(longhaul_httplib_is_split "${longhaul_httplib_whole}" "${longhaul_httplib_folder}")

longhaul_dependency(httplib)
if(longhaul_httplib_is_split)
    add_library(longhaul_httplib_definitions STATIC "${longhaul_httplib_folder}/httplib.cc")
    target_compile_options(longhaul_httplib_definitions PRIVATE -w)
    if(LONGHAUL_SANITIZE STREQUAL "address")
        # Half of the time that this source takes, to watch what is not ours to mend.
        target_compile_options(longhaul_httplib_definitions PRIVATE -fno-sanitize=undefined)
    endif()
    set(longhaul_httplib_include "${longhaul_httplib_folder}")
else()
    message(STATUS "cpp-httplib could not be split; sources that include it will compile slowly")
    set(longhaul_httplib_include "${LONGHAUL_HTTPLIB_INCLUDE_DIR}")
endif()
target_include_directories(longhaul_httplib SYSTEM INTERFACE "${longhaul_httplib_include}")
target_link_libraries(longhaul_httplib INTERFACE Threads::Threads)
# Both who declares and who defines must see the same limits.
set(longhaul_httplib_limits
    CPPHTTPLIB_REQUEST_URI_MAX_LENGTH=65536
    CPPHTTPLIB_HEADER_MAX_LENGTH=65536
    CPPHTTPLIB_HEADER_MAX_COUNT=1000
    CPPHTTPLIB_MAX_LINE_LENGTH=131072
    CPPHTTPLIB_PAYLOAD_MAX_LENGTH=1073741824
    CPPHTTPLIB_FORM_URL_ENCODED_PAYLOAD_MAX_LENGTH=1073741824)
target_compile_definitions(longhaul_httplib INTERFACE ${longhaul_httplib_limits})
if(longhaul_httplib_is_split)
    target_compile_definitions(longhaul_httplib_definitions PRIVATE ${longhaul_httplib_limits})
    target_include_directories(longhaul_httplib_definitions SYSTEM PRIVATE "${longhaul_httplib_folder}")
    target_link_libraries(longhaul_httplib_definitions PRIVATE Threads::Threads)
    target_link_libraries(longhaul_httplib INTERFACE longhaul_httplib_definitions)
endif()
