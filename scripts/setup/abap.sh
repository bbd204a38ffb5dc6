#!/usr/bin/env bash
# Installs the ABAP checker (abaplint) beside the Node program that runs it.
set -euo pipefail
cd "$(dirname "$0")/../../service/oricode_service/tools/abaplint"

if ! command -v npm >/dev/null; then
  echo "  Node.js with npm is not installed: ABAP is checked by the simpler built-in parser instead." >&2
  exit 1
fi
echo "==> installing the ABAP checker"
if ! npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error; then
  echo "  The ABAP checker could not be installed (see above): the simpler built-in parser is used instead." >&2
  exit 1
fi
