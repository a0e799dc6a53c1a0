#!/usr/bin/env bash
# Run the long tests, which `make test` lists as ignored: crashes, full disks, load. Optimised, one at a time.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/build/prepare.sh
. tools/build/env.sh
cargo build --workspace --bins --locked --release
exec cargo test --workspace --locked --release --tests --no-fail-fast -- --ignored --nocapture --test-threads=1 "$@"
