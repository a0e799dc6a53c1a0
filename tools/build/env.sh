# shellcheck shell=sh
# The environment of every build, to be sourced from the root of the project:   . tools/build/env.sh
#
# ZEGEL_CACHE        where the RocksDB archive, tools and build output are kept (default ~/.cache/zegel)
# CARGO_TARGET_DIR   build output, outside the clone so that a fresh clone starts warm
# ROCKSDB_LIB_DIR    the archive that tools/build/prepare.sh made; unset: the crate compiles RocksDB by itself
#
# Values set by the caller win. LIBCLANG_PATH is not needed where Debian's libclang-dev is installed.

export ZEGEL_CACHE="${ZEGEL_CACHE:-$HOME/.cache/zegel}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$ZEGEL_CACHE/target}"

# An archive fits one version of the crate, so a path into the cache is looked up again each time;
# of several (one per compiler and flags) the newest is taken.
case "${ROCKSDB_LIB_DIR:-$ZEGEL_CACHE/}" in
"$ZEGEL_CACHE"/*)
    unset ROCKSDB_LIB_DIR ROCKSDB_STATIC
    zegel_version=$(awk '$3 == "\"librocksdb-sys\"" { getline; gsub("\"", "", $3); print $3; exit }' Cargo.lock)
    # shellcheck disable=SC2012  # the names are ours: no spaces, no newlines
    zegel_archive=$(ls -t "$ZEGEL_CACHE/librocksdb-sys-$zegel_version-"*/librocksdb.a 2>/dev/null | head -n 1) || true
    if [ -n "$zegel_archive" ]; then
        export ROCKSDB_LIB_DIR="${zegel_archive%/*}" ROCKSDB_STATIC=1
    fi
    unset zegel_version zegel_archive
    ;;
esac

# Cargo knows our own crates by their place in the workspace, not by the clone, and judges staleness by file times: in a
# clone that is older than the shared build output it would take another clone's code for this one's. So ours are built
# again whenever another clone used the output last.
if [ -d "$CARGO_TARGET_DIR" ] && [ "$(cat "$CARGO_TARGET_DIR/.clone" 2>/dev/null)" != "$PWD" ]; then
    find proto verifier ledger tools tests -name '*.rs' -exec touch {} +
    printf '%s\n' "$PWD" >"$CARGO_TARGET_DIR/.clone"
fi
