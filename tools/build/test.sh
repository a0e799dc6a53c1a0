#!/usr/bin/env bash
# Run all tests, or those that the arguments for cargo test choose, as in: test.sh -p zegel-verifier
# On CI the output closes with cargo's own result lines; a person gets one line more, with the totals.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/build/prepare.sh
. tools/build/env.sh

[ $# -gt 0 ] || set -- --workspace
# The tests of the whole start the commands themselves.
cargo build --workspace --bins --locked
if [ "${CI:-}" = true ]; then
    exec cargo test --locked --no-fail-fast "$@"
fi

output=$(mktemp)
trap 'rm -f "$output"' EXIT
status=0
cargo test --locked --no-fail-fast "$@" | tee "$output" || status=$?
awk -v seconds="$SECONDS" '
    /^test result:/ { passed += $4; failed += $6; ignored += $8 }
    END { printf "\nzegel: %d passed, %d failed, %d ignored, in %d s\n", passed, failed, ignored, seconds }
' "$output"
exit "$status"
