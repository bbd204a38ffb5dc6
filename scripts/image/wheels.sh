#!/bin/sh
# Builds the wheels of the three packages into the folder given. Needs uv and hatchling (tools.sh) on PATH.
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/../.."

rm -f "$out"/oricode_*.whl
for package in protocol clients/python service; do
  uv build --quiet --wheel --no-build-isolation --python "$(command -v python)" --out-dir "$out" "$package"
done
ls "$out"
