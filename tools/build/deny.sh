#!/usr/bin/env bash
# Hold the dependencies to deny.toml: licences, bans, sources. cargo-deny is installed once, into the cache.
# Advisories need a database from the network: tools/build/deny.sh advisories
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/build/env.sh

version=0.20
deny="$ZEGEL_CACHE/tools/bin/cargo-deny"
if ! "$deny" --version 2>/dev/null | grep -q "^cargo-deny $version\."; then
    echo "deny: installing cargo-deny $version once, some four minutes on two cores" >&2
    # Its own target folder, removed at the end: none of it is shared with ours.
    CARGO_TARGET_DIR='' cargo install cargo-deny --locked --quiet --version "$version" --root "$ZEGEL_CACHE/tools"
fi

if [ $# = 0 ]; then
    set -- bans licenses sources
    echo 'deny: ADVISORIES ARE SKIPPED: the database is not in the clone. Run by hand: tools/build/deny.sh advisories' >&2
fi
exec "$deny" --locked check --hide-inclusion-graph "$@"
