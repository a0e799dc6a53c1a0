#!/usr/bin/env bash
# Make a bare machine ready to build, or name in one line what it lacks. Quick when all is there.
#
# Usage: prepare.sh [system] [crates] [rocksdb]      none named: all three, in this order
#   system    compilers and libraries, by apt-get where we may
#   crates    every crate of Cargo.lock
#   rocksdb   the archive of tools/build/rocksdb.py, once per machine
# Progress goes to stderr. Exit: 0 ready; 1 something is missing and named.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/build/env.sh

say() { printf 'prepare: %s\n' "$*" >&2; }

# bindgen looks for libclang in these places too.
has_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] || compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' >/dev/null ||
        ldconfig -p 2>/dev/null | grep -q 'libclang[-.]'
}

# A token for the tests of PKCS#11; without it they say that they were skipped.
has_token() { [ -e /usr/lib/softhsm/libsofthsm2.so ]; }

has_cryptography() { python3 -c 'import cryptography' 2>/dev/null; }

# The Debian packages without which nothing is built.
missing_packages() {
    command -v cc >/dev/null || echo gcc libc6-dev
    command -v clang++ >/dev/null || echo clang
    has_libclang || echo libclang-dev
    command -v ar >/dev/null || echo binutils
    command -v python3 >/dev/null || echo python3
}

apt_install() {
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || return 1
    say "installing $* (a minute or two)"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"; } \
        </dev/null >"$ZEGEL_CACHE/apt.log" 2>&1 || { tail -n 5 "$ZEGEL_CACHE/apt.log" >&2; return 1; }
}

prepare_system() {
    command -v cargo >/dev/null || { say 'cargo is missing; install it from https://rustup.rs'; return 1; }
    local missing
    read -r -d '' -a missing < <(missing_packages && printf '\0')
    has_cryptography || missing+=(python3-cryptography)
    has_token || missing+=(softhsm2)
    [ ${#missing[@]} = 0 ] && return
    apt_install "${missing[@]}" || true
    missing=()
    read -r -d '' -a missing < <(missing_packages && printf '\0')
    if [ ${#missing[@]} -gt 0 ]; then
        say "missing; run this once:  sudo apt-get install -y ${missing[*]} python3-cryptography"
        return 1
    fi
    has_token || say 'SoftHSM2 is missing, so the tests of keys in a token are skipped:  sudo apt-get install -y softhsm2'
    # A python3 that is not Debian's does not see Debian's packages.
    has_cryptography || python3 -m pip install -q cryptography </dev/null >/dev/null 2>&1 ||
        say 'python3 cannot import cryptography, so specs/vectors cannot be made again (all else works)'
}

prepare_crates() { cargo fetch --locked --quiet </dev/null; }

# The unpacked crate, as cargo itself names it.
rocksdb_source() {
    cargo metadata --locked --offline --format-version 1 | python3 -c '
import json, os, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == "librocksdb-sys":
        print(os.path.dirname(package["manifest_path"]))'
}

# One caller builds, the others wait and then find the archive. The lock falls with the process that holds it.
prepare_rocksdb() {
    exec 9>"$ZEGEL_CACHE/rocksdb.lock"
    flock --nonblock 9 || { say 'waiting for another RocksDB build on this machine'; flock 9; }
    local source
    source=$(rocksdb_source)
    # What a build that was stopped left behind.
    rm -rf "$ZEGEL_CACHE"/librocksdb-sys-*.building-*
    # rocksdb.py has said why it could not; the build then takes longer but is the same.
    python3 tools/build/rocksdb.py "$source" "$ZEGEL_CACHE" >/dev/null ||
        say 'going on without the archive: cargo compiles RocksDB by itself, half an hour on two cores'
    exec 9>&-
}

mkdir -p "$ZEGEL_CACHE"
[ $# -gt 0 ] || set -- system crates rocksdb
for part; do
    case $part in
    system | crates | rocksdb) "prepare_$part" ;;
    *) say "found '$part', wanted system, crates or rocksdb"; exit 1 ;;
    esac
done
