# shellcheck shell=bash
# Source packages of a newer Debian suite, for the few libraries whose packaged version is too old here. Sourced.
#
# The mirror is the one this machine's apt is already set up with. apt checks the suite's signature against Debian's
# archive keyring and every file against the signed index; on top of that, the checksums in the package's .dsc are
# compared with the files that arrived. Nothing in the system's own apt configuration or package lists changes.

# The base address of the configured Debian mirror, as apt itself knows it.
debian_mirror() {
    apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(SITE)' 2>/dev/null |
        awk -F'|' '$1 == "Debian" && $2 == "Debian" && $3 == "main" { print $4; exit }'
}

# debian_source_download SUITE PACKAGE DIRECTORY: leaves the package's .dsc and archives in DIRECTORY.
debian_source_download() {
    local suite=$1 package=$2 directory=$3
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    local mirror state
    mirror=$(debian_mirror)
    if [[ -z $mirror ]]; then
        echo "setup: apt knows no Debian mirror here; run 'apt-get update' once and start again" >&2
        return 1
    fi
    if [[ ! -r $keyring ]]; then
        echo "setup: $keyring is missing; install debian-archive-keyring" >&2
        return 1
    fi

    mkdir -p "$directory"
    state=$(mktemp -d "$directory/apt.XXXXXX")
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    echo "deb-src [signed-by=$keyring] $mirror $suite main" >"$state/sources.list"
    local -a apt=(apt-get -q
        -o "Dir::Etc::SourceList=$state/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$state/lists" -o "Dir::Cache=$state/cache"
        -o APT::Sandbox::User= -o Acquire::Retries=3 -o Acquire::AllowInsecureRepositories=false)
    "${apt[@]}" update >"$state/log" 2>&1 &&
        (cd "$directory" && "${apt[@]}" --download-only source "$package") >>"$state/log" 2>&1 || {
        echo "setup: fetching the source package '$package' of Debian '$suite' failed:" >&2
        tail -n 15 "$state/log" >&2
        return 1
    }
    rm -rf "$state"
    debian_source_verify "$directory" "$package"
}

# Compares every file the .dsc lists with the SHA-256 it lists for it.
debian_source_verify() {
    local directory=$1 package=$2
    local -a dsc=("$directory/${package}_"*.dsc)
    if [[ ${#dsc[@]} -ne 1 || ! -f ${dsc[0]} ]]; then
        echo "setup: expected exactly one ${package}_*.dsc in $directory" >&2
        return 1
    fi
    local sums
    sums=$(awk '/^Checksums-Sha256:/ { inside = 1; next }
                inside && /^ / { print $1 "  " $3; next }
                { inside = 0 }' "${dsc[0]}")
    if [[ -z $sums ]] || ! (cd "$directory" && sha256sum --check --strict --quiet <<<"$sums" >&2); then
        echo "setup: the files of '$package' do not match their checksums" >&2
        return 1
    fi
}

# debian_source_unpack DIRECTORY PACKAGE TARGET: unpacks the upstream tree into TARGET, then applies Debian's security
# patches (those named CVE-*). The other patches adapt a package to Debian's own build and are not wanted.
debian_source_unpack() {
    local directory=$1 package=$2 target=$3
    local archive packaging patch
    archive=$(find "$directory" -maxdepth 1 -name "${package}_*.orig.tar.*" ! -name '*.asc' | head -n 1)
    packaging=$(find "$directory" -maxdepth 1 -name "${package}_*.debian.tar.*" | head -n 1)
    mkdir -p "$target" "$target.packaging"
    tar -xf "$archive" -C "$target" --strip-components=1
    tar -xf "$packaging" -C "$target.packaging"
    [[ -f $target.packaging/debian/patches/series ]] || return 0
    while read -r patch _; do
        [[ $patch == CVE-* ]] || continue
        echo "setup:   applying Debian's $patch"
        patch -d "$target" -p1 --quiet --forward <"$target.packaging/debian/patches/$patch"
    done <"$target.packaging/debian/patches/series"
}
