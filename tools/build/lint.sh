#!/usr/bin/env bash
# Check format, clippy and scripts. Licences and bans are checked by tools/build/deny.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/build/prepare.sh
. tools/build/env.sh

cargo fmt --all --check
cargo clippy --workspace --all-targets --locked -- -D warnings
# The workspace turns on every feature; this is how the verifier sees the messages: without `rpc`.
cargo clippy -p zegel-proto --locked -- -D warnings
# The hunters of tests/fuzz have a lock of their own, which nothing here builds with.
cargo metadata --format-version 1 --locked --manifest-path tests/fuzz/Cargo.toml >/dev/null
if command -v shellcheck >/dev/null; then
    shellcheck -x .ci/run tools/build/*.sh
else
    echo 'lint: shellcheck is not installed; the scripts were NOT checked' >&2
fi
