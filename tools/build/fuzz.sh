#!/usr/bin/env bash
# Try every parser on changed inputs: ZEGEL_FUZZ_SECONDS for each (default 300), from ZEGEL_FUZZ_SEED (default: the time).
# What makes one panic is written to tests/corpus/ and tried first from then on.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/build/prepare.sh
. tools/build/env.sh
export ZEGEL_FUZZ_SECONDS="${ZEGEL_FUZZ_SECONDS:-300}" ZEGEL_FUZZ_SEED="${ZEGEL_FUZZ_SEED:-$(date +%s)}" ZEGEL_FUZZ_ROUNDS="${ZEGEL_FUZZ_ROUNDS:-20000}"
exec cargo test --workspace --release --locked --test fuzzing --test hostile "$@" -- --nocapture
