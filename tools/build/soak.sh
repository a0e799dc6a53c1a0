#!/usr/bin/env bash
# Run the long tests, which `make test` lists as ignored: kills, full disks, load. Optimised, one at a time, with a line of
# progress every ten rounds. ZEGEL_SEED=number chooses other moments; arguments choose tests, as in: soak.sh kills
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/build/prepare.sh
. tools/build/env.sh
cargo build --workspace --bins --locked --release
started=$SECONDS
status=0
cargo test --workspace --locked --release --tests --no-fail-fast -- \
    --ignored --nocapture --test-threads=1 "$@" || status=$?
echo "soak: $([ "$status" -eq 0 ] && echo 'all held' || echo 'SOMETHING DID NOT HOLD'), in $((SECONDS - started)) s"
exit "$status"
