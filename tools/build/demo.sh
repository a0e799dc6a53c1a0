#!/usr/bin/env bash
# From a bare machine to a proof you can check: build, verify a sample, cheat, be caught, then run the whole thing.
#
# RocksDB is by far the longest wait, so it compiles in the background, politely, while the verifier (which needs none of it)
# is built and shown. Arguments go to `zegel demo`.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/build/env.sh

sample=tests/fixtures/sample
log="$ZEGEL_CACHE/rocksdb.log"

say() { printf '\ndemo: %s\n' "$*" >&2; }

start_rocksdb() {
    # In a process group of its own, so that a demo that is stopped takes all its compilers with it.
    set -m
    nice -n 10 tools/build/prepare.sh rocksdb 2>"$log" </dev/null &
    rocksdb=$!
    set +m
    trap 'kill -- "-$rocksdb" 2>/dev/null || true' EXIT
}

# The last thing that the background build said: it overwrites its line with carriage returns.
rocksdb_progress() { tail -c 300 "$log" | tr '\r' '\n' | grep . | tail -n 1 || true; }

wait_for_rocksdb() {
    local shown='' now
    while kill -0 "$rocksdb" 2>/dev/null; do
        now=$(rocksdb_progress)
        if [ -t 2 ]; then
            printf '\r\033[K  %s' "$now" >&2
        elif [ "$now" != "$shown" ]; then
            printf '  %s\n' "$now" >&2
        fi
        shown=$now
        sleep 1
    done
    [ ! -t 2 ] || printf '\r\033[K' >&2
    wait "$rocksdb" || { cat "$log" >&2; return 1; }
    grep -E "^prepare:|own build" "$log" >&2 || true # why there is no archive, if there is none
    trap - EXIT
}

verify() { "$CARGO_TARGET_DIR/debug/zegel-verifier" verify "$1" --trust "$sample/trust.txt"; }

# One bit of one byte, in the middle of the biggest file.
tamper() {
    python3 - "$1" <<'PYTHON'
import os, sys
root = sys.argv[1]
paths = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names] or [root]
path = max(sorted(paths), key=os.path.getsize)
with open(path, "r+b") as file:
    at = os.path.getsize(path) // 2
    file.seek(at)
    byte = file.read(1)[0]
    file.seek(at)
    file.write(bytes([byte ^ 1]))
print(f"  {os.path.relpath(path, os.path.dirname(root))}, byte {at}: {byte:#04x} is now {byte ^ 1:#04x}", file=sys.stderr)
PYTHON
}

show_sample() {
    say "Someone hands you a chat as evidence, $sample/bundle. Is it what was recorded, all of it, in this order?"
    verify "$sample/bundle"

    say 'Now we cheat: the same evidence with one bit changed. The verifier must refuse it.'
    copies=$(mktemp -d)
    cp -R "$sample/bundle" "$copies/bundle"
    tamper "$copies/bundle"
    local status=0
    verify "$copies/bundle" || status=$?
    rm -rf "$copies"
    [ "$status" = 2 ] || { say "the changed copy gave exit $status, wanted 2 (refused): this is a defect, please report it"; return 1; }
    say 'Refused, as it should be. No network, no server and no trust in us was needed for either answer.'
}

say 'Looking for compilers and crates'
tools/build/prepare.sh system crates
start_rocksdb
say 'Building the verifier first (a minute or two); RocksDB, which only the ledger needs, compiles behind it'
cargo build --locked -p zegel-verifier
if [ -e "$sample/bundle" ]; then show_sample; fi

say 'Waiting for RocksDB (some six minutes on two cores, once per machine)'
wait_for_rocksdb
. tools/build/env.sh
say 'Building the ledger and the tools (some four minutes on two cores, the first time)'
cargo build --workspace --bins --locked
say 'Starting zegel demo'
# Each run in a folder of its own, which stays: the bundle and the trust file are for trying the next commands.
if [ $# -eq 0 ]; then set -- --out "$(mktemp -d "${TMPDIR:-/tmp}/zegel-XXXXXX")/demo"; fi
exec "$CARGO_TARGET_DIR/debug/zegel" demo "$@"
