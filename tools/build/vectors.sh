#!/usr/bin/env bash
# Make specs/vectors again with the independent script beside them, and show what changed.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts=$(compgen -G 'specs/vectors/*.py') || { echo 'vectors: there is no script yet (wanted specs/vectors/*.py)' >&2; exit 1; }
tools/build/prepare.sh system
for script in $scripts; do
    echo "vectors: $script" >&2
    python3 "$script" "$@"
done
git status --short -- specs/vectors
