# longhaul_embed_text(<target> OUTPUT <name> [NAMESPACE <ns>] [FILES <file>...])
#
# Compiles text files into <target>. Code that links <target> may write
#
#     #include "embedded/<name>.h"
#     for (const longhaul::embedded::TextFile& file : longhaul::embedded::<name>()) ...
#
# Files come in the order given; TextFile::name is the file's name without its folder, and TextFile::text its exact bytes.
# The generated source is made at build time and again whenever one of the files changes. An empty list is fine.

include(WriteIfChanged)

# Makes every generated source; for tools that read the code without building it.
add_custom_target(longhaul_generated)

set(LONGHAUL_EMBED_TEXT_SCRIPT "${CMAKE_CURRENT_LIST_DIR}/embed_text_script.cmake")

function(longhaul_embed_text target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "NAMESPACE;OUTPUT" "FILES")
    if(NOT arg_OUTPUT MATCHES "^[a-z][a-z0-9_]*$")
        message(FATAL_ERROR "longhaul_embed_text: OUTPUT '${arg_OUTPUT}' must be a lower-case C++ name.")
    endif()
    if(NOT arg_NAMESPACE)
        set(arg_NAMESPACE "longhaul::embedded")
    endif()

    set(folder "${CMAKE_CURRENT_BINARY_DIR}/generated")
    set(source "${folder}/embedded/${arg_OUTPUT}.cc")
    set(header "${folder}/embedded/${arg_OUTPUT}.h")
    # The list itself is an input: a file taken away must be missed too. Written only when it has changed.
    set(list_file "${folder}/embedded/${arg_OUTPUT}.list")
    string(REPLACE ";" "\n" list_text "${arg_FILES}")
    longhaul_write_if_changed("${list_file}" "${list_text}\n")

    add_custom_command(
        OUTPUT "${source}" "${header}"
        COMMAND "${CMAKE_COMMAND}" "-DLIST=${list_file}" "-DNAMESPACE=${arg_NAMESPACE}" "-DOUTPUT=${arg_OUTPUT}"
                "-DSOURCE=${source}" "-DHEADER=${header}" -P "${LONGHAUL_EMBED_TEXT_SCRIPT}"
        DEPENDS ${arg_FILES} "${list_file}" "${LONGHAUL_EMBED_TEXT_SCRIPT}"
        COMMENT "Embedding ${arg_OUTPUT}"
        VERBATIM)
    add_custom_target(${target}_${arg_OUTPUT} DEPENDS "${source}" "${header}")
    add_dependencies(longhaul_generated ${target}_${arg_OUTPUT})
    add_dependencies(${target} ${target}_${arg_OUTPUT})
    target_sources(${target} PRIVATE "${source}" "${header}")
    target_include_directories(${target} PUBLIC "${folder}")
endfunction()
