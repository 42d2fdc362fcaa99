# shellcheck shell=bash
# The C++ files of this project, as lists. Sourced from the repository root.

readonly source_folders=(base api storage worker server tests examples)

# all_sources SUFFIX...: every file below the source folders with one of the suffixes, sorted.
all_sources() {
    local suffix folder
    local -a folders=() pattern=()
    for folder in "${source_folders[@]}"; do
        [[ -d $folder ]] && folders+=("$folder")
    done
    for suffix in "$@"; do
        pattern+=(${pattern[0]:+-o} -name "*.$suffix")
    done
    find "${folders[@]}" -type f \( "${pattern[@]}" \) | LC_ALL=C sort
}

# Files that differ from the last commit, or that no commit holds yet.
changed_files() {
    {
        git diff --name-only --diff-filter=d HEAD -- 2>/dev/null
        git ls-files --others --exclude-standard
    } | LC_ALL=C sort -u
}

# The .cc files that changed, or that include a header that changed.
changed_sources() {
    local file
    while read -r file; do
        case $file in
            *.cc) echo "$file" ;;
            *.h) all_sources cc | xargs -r grep -lF -- "#include \"$file\"" || true ;;
        esac
    done < <(changed_files) | LC_ALL=C sort -u | grep -Fxf <(all_sources cc) || true
}
