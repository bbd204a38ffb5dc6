#!/bin/sh
# Tests the extension inside VS Code (code-server in Chromium) against the service. Does all its own set-up.
#
# In: arguments for vitest; PYTHON. Out: screenshots in test-output/vscode. A download that is refused is said and skips
# the tests (exit code 0); a test that fails does not.
set -u
cd "$(dirname "$0")/.." || exit 1

for folder in clients/typescript clients/vscode; do
  make --no-print-directory "$folder/node_modules/.package-lock.json" || {
    echo "SKIPPED: the tests inside VS Code did not run: npm could not install the packages of $folder" >&2
    exit 0
  }
done
scripts/vscode-server.sh clients/vscode/.cache/code-server
case $? in
  0) ;;
  75) exit 0 ;;
  *) exit 1 ;;
esac
make --no-print-directory vscode-package >/dev/null || exit 1
mkdir -p test-output/vscode && rm -f test-output/vscode/failed-*.png
cd clients/vscode && exec npm run --silent test:editor -- "$@"
