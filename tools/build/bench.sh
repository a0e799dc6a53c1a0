#!/usr/bin/env bash
# Measure: the whole table, some twelve minutes, written to BENCHMARKS.md. A number without its machine is not a result,
# so the machine, its load and the figures of its disk stand beside every row.
#
# Usage: bench.sh [--quick|--tenth] [--out FILE] [--work DIR] [raw|source|verify|ledger|postgres ...]     none named: all
#        bench.sh micro [arguments for cargo bench]     the micro-benchmarks of the rooms alone
#   --tenth   a tenth of the size, to compare two states of the code; never to BENCHMARKS.md
#   --quick   a small log and short runs: to see that everything works, not what it does; never to BENCHMARKS.md
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/build/prepare.sh
. tools/build/env.sh

say() { printf 'bench: %s\n' "$*" >&2; }

# The competitor. Without it its row says so.
prepare_postgresql() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return
    if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
        say 'PostgreSQL is not here: its row is skipped'
        return
    fi
    say 'installing PostgreSQL from Debian, once'
    mkdir -p /etc/postgresql-common
    # No server of its own: the benchmark starts one in a folder that it removes.
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=300 postgresql; } </dev/null >"$ZEGEL_CACHE/apt.log" 2>&1 ||
        say "PostgreSQL could not be installed ($ZEGEL_CACHE/apt.log): its row is skipped"
}

if [ "${1:-}" = micro ]; then
    shift
    benches=()
    for file in */benches/*.rs; do benches+=(--bench "$(basename "$file" .rs)"); done
    exec cargo bench --workspace --locked "${benches[@]}" "$@"
fi

out=()
case " $* " in
*' --quick '* | *' --tenth '*) [[ " $* " == *' --out '* ]] || out=(--out "$CARGO_TARGET_DIR/benchmarks-quick.md") ;;
*' postgres '* | *' raw '* | *' source '* | *' verify '* | *' ledger '*)
    # A part of the table is not the table.
    [[ " $* " == *' --out '* ]] || out=(--out "$CARGO_TARGET_DIR/benchmarks-part.md") ;;
esac
prepare_postgresql
say 'building, optimised'
cargo build --workspace --locked --release --bins
cargo build --workspace --locked --release --example make_bundle
exec cargo bench --workspace --locked --bench table -- "${out[@]}" "$@"
