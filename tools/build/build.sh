#!/usr/bin/env bash
# Build all commands: zegel, zegel-ledger and zegel-verifier. Arguments go to cargo, as in: build.sh --release
# The whole workspace at once, so that demo, tests and build share every compiled crate.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/build/prepare.sh
. tools/build/env.sh
exec cargo build --workspace --locked "$@"
