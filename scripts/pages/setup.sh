#!/usr/bin/env bash
# Installs what the tests of the pages need: Chromium (from Debian), Playwright (from PyPI; it downloads no browser), axe-core.
set -euo pipefail
cd "$(dirname "$0")/../.."

command -v chromium >/dev/null || scripts/setup/debian.sh chromium fonts-dejavu-core
export VIRTUAL_ENV="$PWD/.venv"
.venv/bin/uv pip install --quiet --requirements tests/pages/requirements.txt
npm ci --prefix tests/pages --silent --no-audit --no-fund
