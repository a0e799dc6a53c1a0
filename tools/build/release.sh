#!/usr/bin/env bash
# Build zegel-verifier as it is released, so that anyone who builds the same commit gets the same bytes.
#
#   release.sh [DIR]     DIR (default: release/ in the cache) gets the command, the page for inspectors, BUILD and SHA256SUMS
#   release.sh --check   builds it twice, in two folders of different names and depth, and compares
#
# What is built is the commit, not the folder: a change that is not committed is no part of it. The path of the sources and
# of cargo's registry are written as /zegel and /cargo, the time is the commit's, and symbols are stripped. The compiler is
# part of what decides the bytes: BUILD names it.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache="${ZEGEL_CACHE:-$HOME/.cache/zegel}"
cargo_home="${CARGO_HOME:-$HOME/.cargo}"
target=$(rustc -vV | sed -n 's/^host: //p')
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
commit=$(git rev-parse HEAD)

# Builds the commit in a folder that does not exist yet; the command is then FOLDER/zegel-verifier.
build() {
    local folder=$1
    mkdir -p "$folder/sources"
    folder=$(cd "$folder" && pwd)
    git archive "$commit" | tar -x -C "$folder/sources"
    (
        cd "$folder/sources"
        export SOURCE_DATE_EPOCH
        SOURCE_DATE_EPOCH=$(cd "$OLDPWD" && git show -s --format=%ct "$commit")
        export CARGO_TARGET_DIR="$folder/target" CARGO_INCREMENTAL=0
        export CARGO_PROFILE_RELEASE_DEBUG=none CARGO_PROFILE_RELEASE_STRIP=symbols CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
        export CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$folder/sources=/zegel"$'\x1f'"--remap-path-prefix=$cargo_home=/cargo"
        env -u RUSTFLAGS -u RUSTC_WRAPPER cargo build --release --locked --quiet -p zegel-verifier
    )
    cp "$folder/target/release/zegel-verifier" "$folder/zegel-verifier"
}

if [ "${1:-}" = --check ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    build "$work/one"
    build "$work/another/one/of/a longer name"
    sums=$(sha256sum "$work/one/zegel-verifier" "$work/another/one/of/a longer name/zegel-verifier" | cut -d ' ' -f 1)
    printf '%s\n' "$sums"
    if [ "$(printf '%s\n' "$sums" | sort -u | wc -l)" -ne 1 ]; then
        echo "release: two builds of $commit differ" >&2
        exit 1
    fi
    if grep -qaF -e "$work" -e "$cargo_home" "$work/one/zegel-verifier"; then
        echo "release: the command names the machine that built it" >&2
        exit 1
    fi
    echo "release: two builds of $commit are the same, and name no path of this machine"
    exit 0
fi

out=${1:-$cache/release/zegel-$version-$target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build "$work/build"
mkdir -p "$out"
cp "$work/build/zegel-verifier" "$work/build/sources/verifier/html/zegel-verifier.html" "$out/"
{
    echo "zegel $version, commit $commit, $target"
    rustc -vV
} >"$out/BUILD"
(cd "$out" && sha256sum zegel-verifier zegel-verifier.html BUILD >SHA256SUMS && cat SHA256SUMS)
echo "release: $out"
