#!/usr/bin/env bash
# Compares every generated file with what its generator makes of the sources now. Writes nothing into the project.
set -euo pipefail
cd "$(dirname "$0")/.."

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
failed=0

compare() { # FILE, how to make it anew
  if ! diff -u --label "$1 (committed)" --label "$1 (generated)" "$1" "$fresh/$(basename "$1")"; then
    echo "stale: $1; run $2" >&2
    failed=1
  fi
}

.venv/bin/python -m oricode_protocol.schema >"$fresh/schema.json"
compare protocol/schema.json 'make schema'

cp PROTOCOL.md "$fresh/"
.venv/bin/python -m oricode_protocol.page "$fresh/PROTOCOL.md"
compare PROTOCOL.md 'make schema'

.venv/bin/python -m oricode_service.settings_page "$fresh/settings.md"
compare docs/settings.md 'make schema'

# The golden files are written beside their generator: run a copy of it.
mkdir "$fresh/golden"
cp tests/golden/make.py "$fresh/golden/"
mkdir "$fresh/golden/runs"
.venv/bin/python "$fresh/golden/make.py"
for file in "$fresh"/golden/*.json "$fresh"/golden/*/*.json; do
  name=tests/golden/${file#"$fresh/golden/"}
  if ! cmp --silent "$name" "$file"; then
    echo "stale: $name; run make golden" >&2
    failed=1
  fi
done

if ((failed)); then exit 1; fi
echo 'stale: none'
