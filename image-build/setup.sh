#!/usr/bin/env bash
# Installs what Lifeboat's build and tests need on Debian 12, Debian 13 or
# Ubuntu 24.04. Says first what it will change; changes nothing when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

# Every package that the Makefile, image-build, the scenarios or the unit tests
# run something of. Names joined by "|" are alternatives between releases.
packages=(
    # compilers and what cargo needs
    gcc make libc6-dev ca-certificates
    gcc-powerpc64le-linux-gnu libc6-dev-ppc64el-cross
    gcc-powerpc64-linux-gnu libc6-dev-ppc64-cross
    # the emulated machine, and single programs of the other architectures
    qemu-system-ppc qemu-utils
    'qemu-user-static|qemu-user-binfmt' binfmt-support
    # the rescue image and its media
    mmdebstrap debian-archive-keyring arch-test uidmap
    grub-common xorriso mtools xz-utils zstd
    # the demo system's list of files
    attr acl libcap2-bin
    # what restored trees are compared with, and what the benchmark has beside us
    rsync pigz fsarchiver
    # what judges a restored disk from outside, and reads back what we wrote
    cpio gdisk fdisk e2fsprogs xfsprogs dosfstools
)
rust_targets=(powerpc64le-unknown-linux-gnu powerpc64-unknown-linux-gnu)

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

installed() {
    [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# A package that apt could install, virtual names excluded.
available() {
    [[ $(apt-cache policy "$1" 2>/dev/null) == *Candidate:\ [0-9]* ]]
}

# Sets `missing` to the packages to install.
find_missing() {
    missing=()
    local choice name
    for choice in "${packages[@]}"; do
        for name in ${choice//|/ }; do
            installed "$name" && continue 2
        done
        for name in ${choice//|/ }; do
            if available "$name"; then
                missing+=("$name")
                continue 2
            fi
        done
        missing+=("${choice%%|*}")
    done
}

# Programs of little-endian Power must start by themselves: mmdebstrap runs the
# demo system's own installation scripts.
power_programs_run() {
    [[ -e /proc/sys/fs/binfmt_misc/qemu-ppc64le ]]
}

as_root=()
become_root() {
    ((EUID == 0)) && return
    command -v sudo >/dev/null || fail 'Run me as root, or install sudo.'
    as_root=(sudo)
}

install_packages() {
    say "will install with apt: ${missing[*]}"
    become_root
    "${as_root[@]}" apt-get update -q
    # With fresh lists an alternative may have turned up.
    find_missing
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends "${missing[@]}"
}

enable_power_programs() {
    become_root
    if [[ ! -e /proc/sys/fs/binfmt_misc/register ]]; then
        say 'will mount binfmt_misc on /proc/sys/fs/binfmt_misc'
        "${as_root[@]}" mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc ||
            fail 'This kernel cannot start foreign programs (no binfmt_misc); a container needs it from its host.'
    fi
    power_programs_run && return
    say 'will let the kernel start little-endian Power programs (binfmt: qemu-ppc64le)'
    # Newer packages describe the format for systemd, older ones for binfmt-support.
    local format=/usr/lib/binfmt.d/qemu-ppc64le.conf
    if [[ -e $format ]]; then
        "${as_root[@]}" sh -c 'cat "$1" > /proc/sys/fs/binfmt_misc/register' sh "$format"
    else
        "${as_root[@]}" update-binfmts --enable qemu-ppc64le
    fi
    power_programs_run || fail 'qemu-ppc64le could not be enabled.'
}

# rustup belongs to the person who builds, also when sudo made us root.
as_user=()
if ((EUID == 0)) && [[ ${SUDO_USER:-root} != root ]]; then
    home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
    as_user=(sudo -H -u "$SUDO_USER" env "PATH=$home/.cargo/bin:$PATH")
fi

have() {
    "${as_user[@]}" sh -c 'command -v "$1" >/dev/null' sh "$1"
}

missing_targets() {
    local installed target
    # This also installs the toolchain that rust-toolchain.toml names.
    installed=$("${as_user[@]}" rustup target list --installed)
    for target in "${rust_targets[@]}"; do
        grep -qx "$target" <<<"$installed" || echo "$target"
    done
}

# The standard libraries for Power come from rustup. Where it has none, Debian's
# rust-src builds them, but only with the compiler of its own version.
add_rust_targets() {
    if ! have cargo; then
        available rustup || fail 'Rust is missing and apt has no rustup: install rustup, then run me again.'
        packages=(rustup)
        find_missing
        install_packages
    fi
    if have rustup; then
        local targets
        mapfile -t targets < <(missing_targets)
        ((${#targets[@]})) || return 0
        say "will add with rustup: ${targets[*]}"
        "${as_user[@]}" rustup target add "${targets[@]}" && return
        say 'rustup could not add them'
    fi
    fall_back_to_rust_src
}

fall_back_to_rust_src() {
    local sysroot version source
    sysroot=$("${as_user[@]}" rustc --print sysroot)
    [[ -d $sysroot/lib/rustlib/${rust_targets[0]} ]] && return
    version=$("${as_user[@]}" rustc --version | cut -d' ' -f2)
    source=$(apt-cache policy rust-src | sed -n 's/.*Candidate: //p')
    [[ $source == "$version"* ]] ||
        fail "There is no standard library for ${rust_targets[0]}: rustup has none for Rust $version, and apt's rust-src is of version ${source:-(none)}."
    packages=(rust-src)
    find_missing
    ((${#missing[@]} == 0)) || install_packages
    if [[ ! -e $sysroot/lib/rustlib/src ]]; then
        say "will link Debian's Rust sources into $sysroot"
        "${as_user[@]}" ln -s /usr/lib/rustlib/src "$sysroot/lib/rustlib/src"
    fi
    say 'build for Power with RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort in the environment'
}

[[ -e /etc/debian_version ]] || fail 'I know Debian and Ubuntu only; docs/building.md lists what is needed.'
find_missing
((${#missing[@]} == 0)) || install_packages
power_programs_run || enable_power_programs
add_rust_targets
say 'all is there'
