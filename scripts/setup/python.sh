#!/usr/bin/env bash
# Fills .venv: the pinned packages of requirements.lock, and the three packages of this workspace, editable.
# Safe to repeat; packages that were added by hand stay.
set -euo pipefail
cd "$(dirname "$0")/../.."

UV_VERSION=0.13.9

if ! .venv/bin/python -c '' >/dev/null 2>&1; then
  python=$(scripts/setup/find-python.sh)
  echo "==> creating .venv with $python ($("$python" --version))"
  "$python" -m venv --clear .venv
fi

if [[ "$(.venv/bin/uv --version 2>/dev/null)" != "uv $UV_VERSION"* ]]; then
  echo "==> installing uv $UV_VERSION"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"
fi

# The workspace's own environment, whatever is active in the shell.
export VIRTUAL_ENV="$PWD/.venv"
echo "==> installing $(grep -c '^[a-z]' requirements.lock) pinned packages"
.venv/bin/uv pip install --requirements requirements.lock
echo "==> installing oricode-protocol, oricode-client and oricode-service, editable"
.venv/bin/uv pip install --quiet --no-deps --no-build-isolation \
  --editable protocol --editable clients/python --editable service

# Half of a start is compiling where no bytecode lies beside the modules, and in many environments none is ever written
# (PYTHONDONTWRITEBYTECODE). What is up to date is skipped; a package may hold files for other Pythons.
echo "==> compiling"
.venv/bin/python -m compileall -q -j 0 .venv/lib protocol/oricode_protocol clients/python/oricode_client \
  service/oricode_service >/dev/null || echo "    some files do not compile; Python will say so if it needs them"
