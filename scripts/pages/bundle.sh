#!/usr/bin/env bash
# The playground's copy of the TypeScript client: writes it, or with --check fails when it is not what the sources give.
set -euo pipefail
cd "$(dirname "$0")/../.."
copy=service/oricode_service/pages/playground/oricode-client.js

fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
(cd clients/typescript && node --input-type=module -e 'import { bundle } from "./bundle.mjs"; process.stdout.write(await bundle());') >"$fresh"

if [[ "${1:-}" == --check ]]; then
  if ! cmp --silent "$fresh" "$copy"; then
    echo "stale: $copy; run make pages" >&2
    exit 1
  fi
  echo 'pages: the bundle is fresh'
else
  cp "$fresh" "$copy"
  chmod 644 "$copy"
  echo "wrote $copy"
fi
