#!/usr/bin/env bash
# Hunt through every parser with inputs that nobody meant: ZEGEL_FUZZ_SECONDS for each (default 300). Arguments choose parsers.
# With a nightly toolchain: libFuzzer, guided by coverage, under AddressSanitizer (tests/fuzz; `cargo fuzz --fuzz-dir
# tests/fuzz run NAME` does the same). Without: the loop of the tests, by number, from ZEGEL_FUZZ_SEED (default: the time).
# What breaks a parser is written to tests/corpus/NAME, which both hunters try first from then on.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/build/prepare.sh
. tools/build/env.sh
seconds="${ZEGEL_FUZZ_SECONDS:-300}"

by_number() {
    printf '\nfuzz: NO COVERAGE, NO SANITIZER: %s. The loop of the tests hunts by number instead.\n\n' "$1" >&2
    export ZEGEL_FUZZ_SECONDS="$seconds" ZEGEL_FUZZ_SEED="${ZEGEL_FUZZ_SEED:-$(date +%s)}"
    export ZEGEL_FUZZ_ROUNDS="${ZEGEL_FUZZ_ROUNDS:-20000}"
    exec cargo test --workspace --release --locked --test fuzzing --test hostile -- --nocapture
}

cargo +nightly --version >/dev/null 2>&1 || by_number 'there is no nightly toolchain (rustup toolchain install nightly)'

# The flags of cargo-fuzz: edges and comparisons are counted, memory is watched. The verifier, the message formats and the
# importers link no RocksDB, so all that is built is built so.
target=x86_64-unknown-linux-gnu
flags=(--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address -Ccodegen-units=1)
build="$CARGO_TARGET_DIR-fuzz"
CARGO_TARGET_DIR="$build" RUSTFLAGS="${flags[*]}" \
    cargo +nightly build --locked --release --target "$target" --manifest-path tests/fuzz/Cargo.toml --bins --features importers ||
    by_number 'the targets of tests/fuzz do not build'

[ $# -gt 0 ] || set -- messages notes admission bundle mirror whatsapp signal matrix tables parcels gateway
# Readers of files get theirs in memory.
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || export TMPDIR=/dev/shm
found=0
"$build/$target/release/seeds" "$build/corpus"
for name in "$@"; do
    mkdir -p "$build/corpus/$name" "tests/corpus/$name"
    printf 'fuzz: %s, %s s\n' "$name" "$seconds"
    # An input that takes ten seconds, or two GiB, is found as well.
    "$build/$target/release/$name" "$build/corpus/$name" "tests/corpus/$name" -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -max_len=65536 -artifact_prefix="tests/corpus/$name/" -print_final_stats=1 \
        -close_fd_mask=1 2>"$build/$name.log" || { found=1; tail -n 40 "$build/$name.log"; }
    grep -E 'stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)|cov:' "$build/$name.log" | tail -n 4 || true
done
[ "$found" = 0 ] || printf '\nfuzz: SOMETHING BROKE: the inputs are in tests/corpus\n' >&2
exit "$found"
