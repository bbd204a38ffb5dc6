#!/usr/bin/env bash
# Resolves what the pyproject.toml files ask for into requirements.lock, for all platforms; versions that are locked stay
# unless --upgrade is given. Neither an index nor a host is written into it: everybody installs from their own.
set -euo pipefail
cd "$(dirname "$0")/../.."

.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --all-extras --group dev "$@" \
  --custom-compile-command 'make lock' --output-file requirements.lock \
  --no-emit-package oricode-protocol --no-emit-package oricode-client \
  protocol/pyproject.toml clients/python/pyproject.toml service/pyproject.toml
