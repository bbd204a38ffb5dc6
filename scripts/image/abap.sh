#!/bin/sh
# Installs the ABAP checker's packages into the folder given. Needs npm.
set -eu
folder=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/../../service/oricode_service/tools/abaplint"

cp package.json package-lock.json "$folder/"
cd "$folder"
npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
