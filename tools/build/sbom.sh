#!/usr/bin/env bash
# Write the bills of materials of the commands (CycloneDX): see tools/build/sbom.py.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/build/env.sh
exec python3 tools/build/sbom.py "$@"
