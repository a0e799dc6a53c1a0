#!/usr/bin/env bash
# Measure. A number without its machine is not a result, so the machine is printed first.
set -euo pipefail
cd "$(dirname "$0")/../.."
compgen -G '*/benches/*.rs' >/dev/null || { echo 'bench: there is no benchmark yet (wanted */benches/*.rs)' >&2; exit 1; }
tools/build/prepare.sh
. tools/build/env.sh

# What changes the speed of hashes and signatures; absent flags are not listed.
flags='aes|avx2|avx512f|avx512ifma|pclmulqdq|sha_ni|vaes'
echo "machine: $(nproc) cores, $(awk -F ': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)"
echo "flags:   $(grep -m 1 '^flags' /proc/cpuinfo | tr ' ' '\n' | grep -xE "$flags" | sort | xargs)"
echo "system:  $(uname -sr), $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), $(rustc --version)"
echo "commit:  $(git describe --always --dirty), $(date -u +%FT%TZ), load $(cut -d ' ' -f 1 /proc/loadavg)"
exec cargo bench --workspace --locked --bench '*' "$@"
